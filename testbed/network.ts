import { existsSync } from 'node:fs';
import { mkdir, readdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run } from './run.ts';

// Each cluster has a network of its own, so all use the same addresses.
export const network = {
  node: '10.89.0.1',
  dns: '10.89.0.10',
  nodes: '10.89.0.0/24',
  pods: '10.88.0.0/16',
  services: '10.96.0.0/16',
  kubernetes: '10.96.0.1',
};

const names = '/run/netns';
const files = (id: string): string => join('/etc/netns', id);

/** Makes a network namespace with no way out: no interface reaches the host and there is no default route. */
export async function createNetwork(id: string): Promise<void> {
  const ip = (...args: string[]) => run(['ip', ...args]);
  await ip('netns', 'add', id);
  // `ip netns exec` binds each of these over the file of that name in /etc.
  await mkdir(files(id), { recursive: true });
  const search = 'default.svc.cluster.local svc.cluster.local cluster.local';
  const resolver = `nameserver ${network.dns}\nsearch ${search}\noptions ndots:5 timeout:1 attempts:2\n`;
  await writeFile(join(files(id), 'resolv.conf'), resolver);
  await writeFile(join(files(id), 'hosts'), '127.0.0.1 localhost\n');
  // Other sources of names are reached by unix sockets, which know no network namespace, and would lead out.
  await writeFile(join(files(id), 'nsswitch.conf'), 'passwd: files\ngroup: files\nhosts: files dns\n');
  await ip('-n', id, 'link', 'set', 'lo', 'up');
  await ip('-n', id, 'link', 'add', 'node0', 'type', 'bridge'); // without ports: it only holds the addresses
  await ip('-n', id, 'link', 'set', 'node0', 'up');
  await ip('-n', id, 'addr', 'add', `${network.node}/24`, 'dev', 'node0');
  await ip('-n', id, 'addr', 'add', `${network.dns}/24`, 'dev', 'node0');
  // Without a route, connecting to a Service's address fails before kube-proxy's rules can rewrite it.
  await ip('-n', id, 'route', 'add', network.services, 'dev', 'node0', 'src', network.node);
  const settings = ['net.ipv4.ip_forward=1', 'net.bridge.bridge-nf-call-iptables=1']; // both are per namespace
  await run(inNetwork(id, ['sysctl', '-qw', ...settings]));
}

export const hasNetwork = (id: string): boolean => existsSync(join(names, id));

/** The command, run in the namespace with a mount namespace of its own, in which /etc says how names are resolved. */
export const inNetwork = (id: string, argv: readonly string[]): string[] => ['ip', 'netns', 'exec', id, ...argv];

/** Deletes the namespace's name and files; the namespace itself ends with its last process. */
export async function deleteNetwork(id: string): Promise<void> {
  if (hasNetwork(id)) await run(['ip', 'netns', 'del', id]);
  await rm(files(id), { recursive: true, force: true });
  await rmdir('/etc/netns').catch(() => {}); // another cluster's files may be in it
  // The first `ip netns add` mounts this folder on itself.
  if ((await readdir(names).catch(() => ['?'])).length === 0) await run(['umount', names]).catch(() => '');
}
