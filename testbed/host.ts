import { hasCgroups } from './cgroups.ts';
import { run, type Say, succeeds } from './run.ts';

/** @throws when this host or this folder cannot have a real node. */
export function checkHost(dir: string): void {
  const other = 'or use `--kind fake`';
  if (process.platform !== 'linux' || process.getuid?.() !== 0)
    throw new Error(`a real node needs Linux and root: run this as root, ${other}`);
  if (!hasCgroups())
    throw new Error(`a real node needs control groups of version 1, which this host has not: ${other}`);
  if (/^\/(run|var\/run|var\/lib|var\/log)\//.test(`${dir}/`)) {
    throw new Error(
      `${dir} cannot hold a real node, which has a /run, /var/lib and /var/log of its own: set XDG_CACHE_HOME to a folder elsewhere`,
    );
  }
  // The paths of unix sockets end at 108 characters.
  if (dir.length > 70)
    throw new Error(`${dir} is too long by ${dir.length - 70} characters: set XDG_CACHE_HOME to a shorter folder`);
}

/** What a real node takes from the host. */
export const hostPackages = [
  'containerd',
  'runc',
  'containernetworking-plugins',
  'iptables',
  'conntrack',
  'iproute2',
  'util-linux',
  'procps',
  'openssl',
  'curl',
];

/** What checks rendered alerts and answers queries, Prometheus with promtool and Alertmanager with amtool, and what measures processes. */
export const checkPackages = ['prometheus', 'prometheus-alertmanager', 'time'];

/** Data stores of the application with their exporters, who tells people about them, and what brings dumps to a bucket. */
export const dataPackages = [
  'postgresql-15',
  'redis-server',
  'prometheus-postgres-exporter',
  'prometheus-redis-exporter',
  'prometheus-alertmanager',
  'rclone',
];

/**
 * Those of the Debian packages that this host lacks.
 * @throws where packages are not Debian's.
 */
export async function missingPackages(names: readonly string[]): Promise<string[]> {
  if (!(await succeeds(['dpkg', '--version']))) throw new Error(`needs packages of Debian: ${names.join(', ')}`);
  const missing: string[] = [];
  for (const name of names) {
    const status = await run(['dpkg', '-s', name]).catch(() => '');
    if (!status.includes('Status: install ok installed')) missing.push(name);
  }
  return missing;
}

/** Installs those of the Debian packages that this host lacks. */
export async function installPackages(names: readonly string[], say: Say): Promise<void> {
  const missing = await missingPackages(names);
  if (missing.length === 0) return say('host packages are there');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  if (process.getuid?.() !== 0) throw new Error(`packages are missing; as root: apt-get install ${missing.join(' ')}`);
  await run(['apt-get', 'update', '-qq'], { env });
  await run(['apt-get', 'install', '-y', '-qq', '--no-install-recommends', ...missing], { env });
  say(`host packages installed: ${missing.join(', ')}`);
}
