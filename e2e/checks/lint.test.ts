import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { binaries } from '../../testbed/binaries.ts';
import { pythonTool } from '../../testbed/python.ts';
import { run } from '../../testbed/run.ts';

// Each tool ends with an error that names its findings, if it has any; what is meant is written down where it stands, or in
// .github/zizmor.yml, with its reason.

it('actionlint finds nothing in the workflows', async () => {
  const workflows = readdirSync('.github/workflows').map((file) => `.github/workflows/${file}`);
  expect(workflows.length).toBeGreaterThan(0);
  expect(
    await run([(await binaries('checks')).of('actionlint'), '-no-color', '-shellcheck=', '-pyflakes=', ...workflows]),
  ).toBe('');
});

it('zizmor finds nothing in the workflows and actions', async () => {
  const zizmor = [await pythonTool('zizmor'), '--offline', '--quiet', '--format', 'plain', '.github'];
  expect(await run(zizmor)).toContain('No findings');
});

const images = readdirSync('images').filter((name) => readdirSync(join('images', name)).includes('Dockerfile'));
it.each(images)('hadolint finds nothing in the Dockerfile of the %s', async (name) => {
  expect(await run([await pythonTool('hadolint'), `images/${name}/Dockerfile`])).toBe('');
});
