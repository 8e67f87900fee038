import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { documented, filled } from './documented.ts';
import { type Workplace, workplace } from './workplace.ts';

// What the documents say to type where no cluster is needed, typed in a copy of this repository.

let place: Workplace;
beforeAll(async () => {
  place = await workplace();
}, 120_000);
afterAll(() => place.remove());

describe('typed as it is documented', { timeout: 120_000 }, () => {
  it('README: pins edited by hand are rendered by both commands, into the same bytes', async () => {
    const [digest, editor] = [`sha256:${'ab'.repeat(32)}`, join(place.folder, 'editor')];
    await writeFile(editor, `#!/bin/sh\nsed -i 's/sha256:0*$/${digest}/' "$1"\n`, { mode: 0o755 });
    await place.type(documented('README.md', 'Use it on a real cluster', '$EDITOR'), { env: { EDITOR: editor } });
    const rendered = () => readFile(join(place.folder, 'dist/staging/50-backend.yaml'), 'utf8');
    expect(await place.type(documented('README.md', 'Use it on a real cluster', 'npm run synth'))).toMatchObject({
      code: 0,
    });
    const byScript = await rendered();
    expect(byScript).toContain(`ghcr.io/moneywise/moneywise/backend@${digest}`);
    expect(await place.type(documented('README.md', 'Use it on a real cluster', 'npx cdk8s'))).toMatchObject({
      code: 0,
    });
    expect(await rendered()).toBe(byScript);
  });

  it('README: the help of a command says what its exit codes mean', async () => {
    const { code, said } = await place.type(documented('README.md', 'Use it on a real cluster', '--help'));
    expect([code, said]).toEqual([0, expect.stringContaining('Exit codes')]);
  });

  it('docs/commands.md: rehearse, of an overlay and of any folder', async () => {
    const [ofOverlay = '', ofFolder = ''] = documented('docs/commands.md', 'rehearse');
    await place.type('cp -r dist/staging rendered');
    // As often as shows that it is played.
    for (const line of [`${ofOverlay} --runs 1`, filled(ofFolder, { 50: '1' })])
      expect(await place.type(line)).toMatchObject({ code: 0 });
  });
});
