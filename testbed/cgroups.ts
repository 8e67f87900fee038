import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from './run.ts';

const root = '/sys/fs/cgroup';

/** The mounted hierarchies of control groups, version 1: one a controller. */
async function hierarchies(): Promise<string[]> {
  const folders = (await readdir(root).catch(() => [])).map((name) => join(root, name));
  return folders.filter((folder) => existsSync(join(folder, 'cgroup.procs')));
}

/** Whether this host has the hierarchy that serves as the register of a cluster's processes. */
export const hasCgroups = (): boolean => existsSync(join(root, 'pids', 'cgroup.procs'));

const registerFolder = (id: string): string => join(root, 'pids', id);

/**
 * The file to which a daemon writes its id. Its children inherit the membership, and containers belong to a folder
 * beside it, so one walk finds all that is left of a cluster, whatever happened to the process that started it.
 */
export const registerOf = (id: string): string => join(registerFolder(id), 'host', 'cgroup.procs');

/** Makes the cluster's cgroup in every hierarchy, as kubelet expects of its root. */
export async function createCgroups(id: string): Promise<void> {
  for (const hierarchy of await hierarchies()) await mkdir(join(hierarchy, id), { recursive: true });
  const cpuset = join(root, 'cpuset');
  for (const file of ['cpuset.cpus', 'cpuset.mems']) {
    if (existsSync(join(cpuset, file))) await writeFile(join(cpuset, id, file), await readFile(join(cpuset, file)));
  }
  await mkdir(join(registerFolder(id), 'host'), { recursive: true });
}

/** The ids of all processes of the cluster, containers' included. */
export async function cgroupMembers(id: string): Promise<number[]> {
  const found: number[] = [];
  const walk = async (folder: string): Promise<void> => {
    const text = await readFile(join(folder, 'cgroup.procs'), 'utf8').catch(() => '');
    found.push(...text.split('\n').filter(Boolean).map(Number));
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isDirectory()) await walk(join(folder, entry.name));
  };
  await walk(registerFolder(id));
  return found;
}

/** The cluster's cgroups that exist. */
export async function cgroupsOf(id: string): Promise<string[]> {
  return (await hierarchies()).map((hierarchy) => join(hierarchy, id)).filter((folder) => existsSync(folder));
}

/** Deletes the cluster's cgroups; the kernel lets go of a dead process's a moment after its end. */
export async function deleteCgroups(id: string): Promise<void> {
  const remove = async (folder: string): Promise<void> => {
    const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
    for (const entry of entries) if (entry.isDirectory()) await remove(join(folder, entry.name));
    await rmdir(folder).catch(() => {});
  };
  await until(`the end of the cgroups ${id}`, 10, async () => {
    for (const folder of await cgroupsOf(id)) await remove(folder);
    return (await cgroupsOf(id)).length === 0;
  });
}
