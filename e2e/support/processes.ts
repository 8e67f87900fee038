import { readdir, readFile, readlink } from 'node:fs/promises';
import { basename } from 'node:path';

/** The process of that name in this network: other testbeds have theirs. */
export async function processHere(name: string): Promise<number> {
  const network = await readlink('/proc/self/ns/net');
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const [command = ''] = await stringsIn(`/proc/${pid}/cmdline`).catch(() => []);
    if (basename(command) === name && (await readlink(`/proc/${pid}/ns/net`).catch(() => '')) === network)
      return Number(pid);
  }
  throw new Error(`no ${name} runs in this testbed`);
}

/** Whether any thread of it is left: its port is taken until the last has ended, whatever became of the first. */
export async function isRunning(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const states = await Promise.all(
    threads.map((id) => readFile(`/proc/${pid}/task/${id}/stat`, 'utf8').catch(() => '')),
  );
  return states.some((stat) => stat !== '' && !/\) [ZX] /.test(stat));
}

/** The strings of a file of /proc that ends each with a zero, as `cmdline` and `environ` do. */
export async function stringsIn(file: string): Promise<string[]> {
  return (await readFile(file, 'utf8')).split('\0').slice(0, -1);
}
