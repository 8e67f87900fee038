import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { inNetwork } from './network.ts';
import { awaits, keep, type Place, registered } from './place.ts';
import { run, succeeds } from './run.ts';

// kubelet writes these machine-wide settings. Inside, plain files that already say what it wants lie over them.
const settings = {
  'vm/overcommit_memory': '1',
  'vm/panic_on_oom': '0',
  'kernel/panic': '10',
  'kernel/panic_on_oops': '1',
  'kernel/keys/root_maxkeys': '1000000',
  'kernel/keys/root_maxbytes': '25000000',
};

/**
 * Starts the process that keeps the one mount namespace in which all daemons of a node run. `ip netns exec` alone gives
 * each process mounts of its own and a /sys without cgroups: containerd would not see kubelet's volumes, and neither a
 * cgroup. All mounts made here, and those of the pods, vanish with the namespace's last process.
 * @returns how to run a command in it.
 */
export async function startHolder(place: Place, id: string): Promise<(argv: readonly string[]) => string[]> {
  const { dir } = place;
  const mounts = join(dir, 'mounts');
  for (const folder of ['mounts', 'var/lib/kubelet', 'var/lib/cni', 'var/log/pods', 'var/log/containers']) {
    await mkdir(join(dir, folder), { recursive: true });
  }
  // The cgroups are carried past the new /sys. Slave mounts, because private ones would pin other clusters' namespaces.
  const idle = 'mount --rbind /sys/fs/cgroup "$0" && exec "$@"';
  const argv = ['sh', '-c', idle, mounts, ...inNetwork(id, ['sleep', 'infinity'])];
  const holder = keep(
    { ...place, inside: (argv) => ['unshare', '--mount', '--propagation', 'slave', ...argv] },
    'holder',
    argv,
  );
  const entered = ['nsenter', '-t', String(holder.pid), '-m', '-n', '--'];
  await awaits(place, 'the mount namespace', 10, () =>
    succeeds([...entered, 'sh', '-c', 'test -e "$0/pids" && ! test -e /sys/fs/cgroup/pids', mounts]),
  );
  const mount = (...args: string[]) => run(registered(place.register, [...entered, 'mount', ...args]));
  const unmount = (path: string) => run(registered(place.register, [...entered, 'umount', '-l', path]));
  await mount('--rbind', mounts, '/sys/fs/cgroup');
  await unmount(mounts);
  await unmount('/run/netns');
  // Below /run are the pods' network namespaces, the sockets of the container shims and the lock of iptables.
  await mount('-t', 'tmpfs', '-o', 'mode=755', 'tmpfs', '/run');
  await run([...entered, 'mkdir', '-p', '/run/netns', '/run/lock']);
  // kubelet and the network plugins have fixed paths below these; the host's stay as they are.
  for (const folder of ['/var/lib', '/var/log']) await mount('--bind', join(dir, folder), folder);
  for (const [name, value] of Object.entries(settings)) {
    const file = join(dir, 'settings', name);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `${value}\n`);
    await mount('--bind', file, join('/proc/sys', name));
  }
  await mount('--make-rshared', '/'); // so that volumes mounted later reach containers
  return (argv) => [...entered, ...argv];
}
