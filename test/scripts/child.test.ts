import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Interrupted, runChild } from '../../scripts/child.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'child-'));
});
afterAll(() => rm(folder, { recursive: true }));

const node = (code: string, ...args: string[]) => [
  'node',
  '-e',
  `const { writeFileSync } = require('fs'); ${code}`,
  ...args,
];
const running = new AbortController().signal;

describe('a child of a script', () => {
  it('ends with its own exit code', async () => {
    expect(await runChild(node('process.exit(3)'), { stop: running })).toBe(3);
  });

  it('ends with 128 and the number of the signal that ended it', async () => {
    expect(await runChild(node("process.kill(process.pid, 'SIGTERM')"), { stop: running })).toBe(143);
  });

  it('is told to end by what stops it, and waited for', async () => {
    const stop = new AbortController();
    const [begun, cleaned] = [join(folder, 'begun'), join(folder, 'cleaned')];
    const code = `
      process.on('SIGTERM', () => setTimeout(() => { writeFileSync('${cleaned}', ''); process.exit(0); }, 200));
      setInterval(() => {}, 1000);
      writeFileSync('${begun}', '');`;
    const child = runChild(node(code), { stop: stop.signal, isBehind: true });
    await expect.poll(() => existsSync(begun), { timeout: 20_000 }).toBe(true);
    stop.abort();
    await expect(child).rejects.toThrow(Interrupted);
    expect(existsSync(cleaned)).toBe(true);
  });

  it('does not begin once it is stopped', async () => {
    const begun = join(folder, 'never');
    await expect(runChild(node(`writeFileSync('${begun}', '')`), { stop: AbortSignal.abort() })).rejects.toThrow(
      'interrupted',
    );
    expect(existsSync(begun)).toBe(false);
  });
});
