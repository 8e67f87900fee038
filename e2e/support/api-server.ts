import { spawn } from 'node:child_process';
import { open, readdir, readFile, readlink } from 'node:fs/promises';
import { basename } from 'node:path';
import { until } from '../../testbed/run.ts';
import { kubectl } from './kubectl.ts';

/** Kills the API server of this testbed, as a node that loses power does, and starts it again. Does not wait until it answers. */
export async function restartApiServer(): Promise<void> {
  const pid = await processHere('kube-apiserver');
  // All that runs on the node shares its mounts.
  const neighbour = await processHere('etcd');
  const [argv, env] = await Promise.all([stringsIn(`/proc/${pid}/cmdline`), stringsIn(`/proc/${pid}/environ`)]);
  const log = await open(await readlink(`/proc/${pid}/fd/1`), 'a');
  process.kill(pid, 'SIGKILL');
  await until('the end of the API server', 10, async () => !(await isRunning(pid)));
  // It is the testbed's from now on, in whose cgroup it starts.
  spawn('nsenter', ['-t', String(neighbour), '-m', '-n', '--', ...argv], {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: Object.fromEntries(env.map((entry) => entry.split(/=(.*)/s).slice(0, 2))),
  }).unref();
  await log.close();
}

/** Waits until everything that watches the API server does so again: a new Service must answer, under its name. */
export async function followedAgain(namespace: string): Promise<void> {
  await kubectl(['-n', namespace, 'expose', 'service', 'backend', '--name', 'probe', '--port', '3001']);
  await until('a new Service to answer', 60, async () => {
    const response = await fetch(`http://probe.${namespace}.svc.cluster.local:3001/api/health`);
    return response.ok;
  });
  await kubectl(['-n', namespace, 'delete', 'service', 'probe']);
}

/** The process of that name in this network: other testbeds have theirs. */
async function processHere(name: string): Promise<number> {
  const network = await readlink('/proc/self/ns/net');
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry))) {
    const [command = ''] = await stringsIn(`/proc/${pid}/cmdline`).catch(() => []);
    if (basename(command) === name && (await readlink(`/proc/${pid}/ns/net`).catch(() => '')) === network)
      return Number(pid);
  }
  throw new Error(`no ${name} runs in this testbed`);
}

/** Whether any thread of it is left: its port is taken until the last has ended, whatever became of the first. */
async function isRunning(pid: number): Promise<boolean> {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => []);
  const states = await Promise.all(
    threads.map((id) => readFile(`/proc/${pid}/task/${id}/stat`, 'utf8').catch(() => '')),
  );
  return states.some((stat) => stat !== '' && !/\) [ZX] /.test(stat));
}

async function stringsIn(file: string): Promise<string[]> {
  return (await readFile(file, 'utf8')).split('\0').slice(0, -1);
}
