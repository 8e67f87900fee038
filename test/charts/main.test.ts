import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { render } from '../../charts/render.ts';
import { loadOverlay } from '../../overlays/load.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'synth-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** Runs the cdk8s app as `npm run synth` and `cdk8s synth` do. */
function synth(...args: string[]) {
  return synthWith({}, ...args);
}

function synthWith(variables: NodeJS.ProcessEnv, ...args: string[]) {
  const outdir = join(folder, 'out');
  const env = { ...process.env, ...variables, CDK8S_OUTDIR: outdir };
  const { status, stderr } = spawnSync('node', ['scripts/synth.mjs', ...args], {
    cwd: root,
    env,
    encoding: 'utf8',
  });
  return { status, stderr, outdir };
}

describe('synth', () => {
  it('writes what is rendered, and removes what is not rendered any more', () => {
    const { status, outdir } = synth('staging');
    expect(status).toBe(0);
    writeFileSync(join(outdir, 'staging', '99-old.yaml'), '');
    writeFileSync(join(outdir, 'staging', '00-namespace.yaml'), 'edited by hand');
    expect(synth('staging', '--check')).toMatchObject({ status: 1, stderr: expect.stringContaining('99-old.yaml') });
    expect(synth('staging').status).toBe(0);
    const manifests = render(loadOverlay('staging'));
    const written = readdirSync(join(outdir, 'staging'));
    expect(written.sort()).toEqual(Object.keys(manifests));
    for (const file of written) expect(readFileSync(join(outdir, 'staging', file), 'utf8')).toBe(manifests[file]);
    expect(synth('staging', '--check')).toMatchObject({ status: 0, stderr: '' });
  });

  it('writes nothing when one of the overlays does not exist, and ends with 2', () => {
    const { status, stderr, outdir } = synth('staging', 'prod');
    expect(status).toBe(2);
    expect(stderr).toBe('overlays/: no overlay is called "prod"; take one of development, staging, production\n');
    expect(existsSync(outdir)).toBe(false);
  });

  it.each([
    // Its dotless i and its order of letters are where careless code differs.
    ['tr_TR.UTF-8', 'tr-TR', 'Pacific/Kiritimati'],
    ['sv_SE.UTF-8', 'sv-SE', 'America/Los_Angeles'],
  ])('writes the same bytes in the locale %s of another time zone', (LC_ALL, locale, TZ) => {
    const seen = 'const { locale, timeZone } = Intl.DateTimeFormat().resolvedOptions(); console.log(locale, timeZone)';
    const { stdout } = spawnSync('node', ['-e', seen], { env: { ...process.env, LC_ALL, TZ }, encoding: 'utf8' });
    expect(stdout.trim()).toBe(`${locale} ${TZ}`);
    const { status, outdir } = synthWith({ LC_ALL, TZ }, 'production');
    expect(status).toBe(0);
    const written = readdirSync(join(outdir, 'production')).sort();
    const read = written.map((file) => [file, readFileSync(join(outdir, 'production', file), 'utf8')]);
    expect(Object.fromEntries(read)).toEqual(render(loadOverlay('production')));
  });
});
