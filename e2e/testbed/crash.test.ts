import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, expect, test } from 'vitest';
import { down, find, list } from '../../testbed/testbed.ts';
import { fingerprint, tracesOf } from './host.ts';

const name = 'e2ec';

afterEach(() => down(name));

/** Runs `up` and kills it, and it alone, once it says the words. */
function upKilledAt(words: string): Promise<void> {
  const script = join(import.meta.dirname, '../../scripts/testbed.ts');
  const child = spawn(process.execPath, ['--import', 'tsx', script, 'up', '--name', name, '--kind', 'node']);
  return new Promise((done, failed) => {
    createInterface(child.stdout).on('line', (line) => {
      if (line.includes(words)) child.kill('SIGKILL');
    });
    child.on('error', failed);
    child.on('exit', (_, signal) => (signal === 'SIGKILL' ? done() : failed(new Error(`up ended before "${words}"`))));
  });
}

for (const words of ['namespaces', 'API server ready', 'node ready']) {
  test(`\`down\` leaves nothing of an \`up\` that was killed at "${words}"`, async () => {
    await down(name);
    const before = await fingerprint();
    await upKilledAt(words);
    expect(await tracesOf(name)).not.toEqual([]);
    expect(await find(name)).toBeUndefined();
    expect(await list()).toContainEqual(expect.objectContaining({ name, up: false }));

    await down(name);
    expect(await fingerprint()).toEqual(before);
    expect(await tracesOf(name)).toEqual([]);
  });
}
