import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { network } from './network.ts';
import { asClient, awaits, keep, type Place, start } from './place.ts';
import { lastLines, succeeds, until } from './run.ts';

export const socketOf = (place: Place): string => join(place.dir, 'run', 'containerd.sock');

const ctr = (place: Place, ...args: string[]): string[] => ['ctr', '-a', socketOf(place), '-n', 'k8s.io', ...args];

const configuration = (place: Place, pause: string): string => `version = 2
root = "${join(place.dir, 'containerd')}"
state = "/run/containerd"
oom_score = 0
disabled_plugins = [
  "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.zfs", "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.internal.v1.opt",
]
[grpc]
  address = "${socketOf(place)}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pause}"
  disable_apparmor = true
  # Where the host lacks CAP_SYS_RESOURCE, a negative score fails every sandbox.
  restrict_oom_score_adj = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        BinaryName = "/usr/sbin/runc"
        SystemdCgroup = false
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${join(place.dir, 'cni')}"
`;

const podNetwork = (place: Place) => ({
  cniVersion: '1.0.0',
  name: place.name,
  plugins: [
    {
      type: 'bridge',
      bridge: 'cni0',
      isGateway: true,
      isDefaultGateway: true,
      ipMasq: false,
      hairpinMode: true,
      ipam: { type: 'host-local', dataDir: join(place.dir, 'cni', 'addresses'), ranges: [[{ subnet: network.pods }]] },
    },
    { type: 'portmap', capabilities: { portMappings: true } },
  ],
});

/** Starts containerd with the pods' network, and waits until it answers. */
export async function startContainerd(place: Place, pause: string): Promise<void> {
  await mkdir(join(place.dir, 'cni'), { recursive: true });
  await mkdir(join(place.dir, 'run'), { recursive: true });
  const config = join(place.dir, 'containerd.toml');
  await writeFile(config, configuration(place, pause));
  await writeFile(join(place.dir, 'cni', '10-bridge.conflist'), JSON.stringify(podNetwork(place)));
  keep(place, 'containerd', ['containerd', '--config', config]);
  await awaits(place, 'containerd', 30, () => succeeds(place.client(ctr(place, 'version'))));
}

/** Imports a folder with an OCI layout. It is a process of the cluster's own, so that `down` ends it, too. */
export async function importImages(place: Place, layout: string): Promise<void> {
  const load = 'tar -C "$0" -c . | "$@"';
  const daemon = start(place, 'import', ['sh', '-c', load, layout, ...ctr(place, 'images', 'import', '-')]);
  // A daemon does not keep this process alive: waiting for nothing but its end would end `up` half-way, without a word.
  await until('the end of the import', 300, () => !daemon.alive);
  const code = await daemon.ended;
  if (code !== 0) throw new Error(`the images were not imported: ${lastLines(await readFile(daemon.log, 'utf8'))}`);
  const listed = await asClient(place, ctr(place, 'images', 'list', '-q'));
  if (!listed.includes('@sha256:')) throw new Error('the images were imported without their digests');
}
