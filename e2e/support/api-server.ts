import { spawn } from 'node:child_process';
import { open, readlink } from 'node:fs/promises';
import { until } from '../../testbed/run.ts';
import { kubectl } from './kubectl.ts';
import { isRunning, processHere, stringsIn } from './processes.ts';

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
