import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isRunning } from '../../e2e/support/processes.ts';
import { Interrupted, runChild } from '../../scripts/child.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'child-'));
});
afterAll(() => rm(folder, { recursive: true }));

const node = (code: string) => ['node', '-e', `const { writeFileSync } = require('fs'); ${code}`];
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

  it('leaves nothing behind of what it has started', async () => {
    const stop = new AbortController();
    const pid = join(folder, 'pid');
    const deaf = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); process.send('deaf')";
    const code = `
      const deaf = require('child_process').spawn('node', ['-e', ${JSON.stringify(deaf)}], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
      deaf.on('message', () => writeFileSync('${pid}', String(deaf.pid)));`;
    const child = runChild(node(code), { stop: stop.signal, isBehind: true });
    await expect.poll(() => readFile(pid, 'utf8').catch(() => ''), { timeout: 20_000 }).toMatch(/\d/);
    stop.abort();
    await expect(child).rejects.toThrow(Interrupted);
    const grandchild = Number(await readFile(pid, 'utf8'));
    await expect.poll(() => isRunning(grandchild), { timeout: 20_000 }).toBe(false);
  });

  it('does not begin once it is stopped', async () => {
    const begun = join(folder, 'never');
    await expect(runChild(node(`writeFileSync('${begun}', '')`), { stop: AbortSignal.abort() })).rejects.toThrow(
      'interrupted',
    );
    expect(existsSync(begun)).toBe(false);
  });
});

describe('what a signal to npm is to end in order', () => {
  it.each(['test', 'bench', 'testbed', 'promote', 'demo'])(
    'is npm its own child, with no shell between: %s',
    async (name) => {
      const { scripts } = JSON.parse(await readFile('package.json', 'utf8')) as { scripts: Record<string, string> };
      expect(scripts[name]).toMatch(/^exec node /);
    },
  );
});
