import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { clusters } from '../../testbed/paths.ts';
import { run } from '../../testbed/run.ts';

const settings = [
  ...['vm.overcommit_memory', 'vm.panic_on_oom', 'kernel.panic', 'kernel.panic_on_oops'],
  ...['kernel.keys.root_maxkeys', 'kernel.keys.root_maxbytes', 'net.ipv4.ip_forward'],
  ...['net.bridge.bridge-nf-call-iptables', 'net.ipv4.conf.all.route_localnet', 'net.netfilter.nf_conntrack_max'],
];

const folders = ['/var/lib/kubelet', '/var/lib/cni', '/var/log/pods', '/var/log/containers', '/run/containerd/s'];

/** Everything on this host that a Kubernetes node is wont to change, and that a testbed must not: one line a fact. */
export async function fingerprint(): Promise<string[]> {
  const lines = async (...argv: string[]) => (await run(argv).catch(() => '')).split('\n').filter(Boolean);
  const rules = async (command: string) =>
    (await lines(command)).filter((line) => !line.startsWith('#')).map((line) => line.replace(/\[\d+:\d+\]/, ''));
  const mounts = (await readFile('/proc/mounts', 'utf8')).split('\n').filter((line) => !line.includes(' /run/netns'));
  const files = await Promise.all(
    folders.map(async (folder) => (await readdir(folder).catch(() => [])).map((file) => `${folder}/${file}`)),
  );
  return [
    ...(await lines('ip', '-br', 'link')).map((line) => line.split(/\s+/)[0] ?? ''),
    ...(await lines('ip', 'route')),
    ...(await lines('ip', 'rule')),
    ...(await rules('iptables-save')),
    ...(await rules('ip6tables-save')),
    ...mounts,
    ...(await readdir('/run/netns').catch(() => [])).filter((name) => name.startsWith('cni-')),
    ...(await Promise.all(settings.map(async (name) => `${name}=${await lines('sysctl', '-n', name)}`))),
    ...files.flat(),
  ];
}

/** All that tells of a cluster on this host, whether or not it is known to the testbed: one line a trace. */
export async function tracesOf(name: string): Promise<string[]> {
  const state = `${clusters()}/${name}`;
  const id = `testbed-${name}`;
  const found = [state, `/run/netns/${id}`, `/etc/netns/${id}`].filter((path) => existsSync(path));
  const cgroups = await run(['find', '/sys/fs/cgroup', '-mindepth', '2', '-maxdepth', '2', '-name', id]);
  found.push(...cgroups.split('\n').filter(Boolean));
  for (const pid of (await readdir('/proc')).filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)) {
    for (const file of ['cmdline', 'mountinfo']) {
      const text = await readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '');
      if (text.includes(`${state}/`)) found.push(`${file} of ${pid}`);
    }
  }
  return found;
}
