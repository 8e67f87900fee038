import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cgroupMembers, cgroupsOf, deleteCgroups } from './cgroups.ts';
import { deleteNetwork, hasNetwork } from './network.ts';
import { idOf, stateOf } from './paths.ts';
import { run, until } from './run.ts';

/** The cluster's processes: those in its cgroup, and those in its own register that still are what was registered. */
export async function processesOf(name: string): Promise<number[]> {
  return [...(await cgroupMembers(idOf(name))), ...(await registeredProcesses(stateOf(name)))];
}

/** A process's number is used again after its end, so it counts only while its command line names the state folder. */
async function registeredProcesses(dir: string): Promise<number[]> {
  const ids = (await readFile(join(dir, 'pids'), 'utf8').catch(() => '')).split('\n').filter(Boolean);
  if (ids.length === 0) return [];
  // `ps` fails when none of them is left.
  const listed = await run(['ps', '-ww', '-o', 'pid=,args=', '-p', ids.join(',')]).catch(() => '');
  return listed
    .split('\n')
    .filter((line) => line.includes(`${dir}/`))
    .map((line) => Number.parseInt(line, 10));
}

/** Ends the cluster's processes, until none is left: what was being started when the list was made is on the next one. */
export async function endProcesses(name: string): Promise<void> {
  await until(`the end of the processes of ${name}`, 20, async () => {
    const ids = await processesOf(name);
    for (const id of ids) {
      try {
        process.kill(id, 'SIGKILL');
      } catch {} // it ended by itself
    }
    return ids.length === 0;
  });
}

/** Deletes the names that the kernel keeps for a cluster. Mounts need no deletion: they went with the last process. */
export async function deleteNamespaces(name: string): Promise<void> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return;
  await deleteNetwork(idOf(name));
  await deleteCgroups(idOf(name));
}

/** What is left of a cluster on this host, beside its state folder: one line each, none after a good `down`. */
export async function remainsOf(name: string): Promise<string[]> {
  const id = idOf(name);
  const found = (await processesOf(name)).map((pid) => `process ${pid}`);
  if (hasNetwork(id)) found.push(`network namespace ${id}`);
  if (existsSync(join('/etc/netns', id))) found.push(`files in ${join('/etc/netns', id)}`);
  found.push(...(await cgroupsOf(id)).map((folder) => `cgroup ${folder}`));
  for (const pid of (await readdir('/proc').catch(() => [])).filter((entry) => /^\d+$/.test(entry))) {
    const mounts = await readFile(`/proc/${pid}/mountinfo`, 'utf8').catch(() => '');
    if (mounts.includes(` ${stateOf(name)}/`)) found.push(`mount in process ${pid}`);
  }
  return found;
}
