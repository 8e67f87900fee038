import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'moneywise-git-';
/** After a day nobody is at work in one any more, in milliseconds. */
const ABANDONED = 86_400_000;

/** An empty temporary folder, which its maker removes. Those that killed runs have left are removed first. */
export async function newThrowaway(): Promise<string> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(PREFIX)) continue;
    const folder = join(tmpdir(), name);
    const isOld = await stat(folder).then(
      ({ mtimeMs }) => Date.now() - mtimeMs > ABANDONED,
      () => false,
    );
    if (isOld) await rm(folder, { recursive: true, force: true }).catch(() => {});
  }
  return mkdtemp(join(tmpdir(), PREFIX));
}
