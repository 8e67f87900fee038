import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { socketOf } from './containerd.ts';
import { network } from './network.ts';
import { apply, asClient, awaits, keep, kubectl, type Place } from './place.ts';

// CoreDNS orders its plugins when it is compiled: in one block, `template` would answer for the cluster's names, too.
// The second block lets every other name fail at once.
const corefile = (place: Place): string => `cluster.local:53 10.in-addr.arpa:53 {
  bind ${network.dns}
  errors
  health 127.0.0.1:8181
  ready 127.0.0.1:8182
  kubernetes cluster.local 10.in-addr.arpa {
    kubeconfig ${join(place.dir, 'dns.kubeconfig')} testbed
    pods insecure
    ttl 1
  }
}
.:53 {
  bind ${network.dns}
  template ANY ANY . {
    rcode NXDOMAIN
  }
}
`;

const binding = (role: string, user: string) => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: `testbed-${role.replace('system:', '')}` },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
  subjects: [{ kind: 'User', name: user, apiGroup: 'rbac.authorization.k8s.io' }],
});

const permissions = [
  binding('system:node-proxier', 'system:kube-proxy'),
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'testbed-dns' },
    rules: [
      { apiGroups: [''], resources: ['services', 'pods', 'namespaces'], verbs: ['list', 'watch'] },
      { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['list', 'watch'] },
    ],
  },
  binding('testbed-dns', 'system:coredns'),
];

const kubeletConfiguration = (place: Place, id: string) => ({
  apiVersion: 'kubelet.config.k8s.io/v1beta1',
  kind: 'KubeletConfiguration',
  address: network.node,
  readOnlyPort: 0,
  healthzBindAddress: '127.0.0.1',
  tlsCertFile: join(place.dir, 'pki', 'kubelet.crt'),
  tlsPrivateKeyFile: join(place.dir, 'pki', 'kubelet.key'),
  authentication: {
    anonymous: { enabled: false },
    webhook: { enabled: true },
    x509: { clientCAFile: join(place.dir, 'pki', 'ca.crt') },
  },
  authorization: { mode: 'Webhook' },
  cgroupDriver: 'cgroupfs',
  cgroupRoot: `/${id}`,
  failCgroupV1: false,
  failSwapOn: false,
  containerRuntimeEndpoint: `unix://${socketOf(place)}`,
  clusterDNS: [network.dns],
  clusterDomain: 'cluster.local',
  resolvConf: join(place.dir, 'pod-resolv.conf'),
  volumePluginDir: join(place.dir, 'kubelet', 'plugins-exec'),
  // The images cannot be pulled again.
  imageGCHighThresholdPercent: 100,
  imageGCLowThresholdPercent: 99,
  evictionHard: {
    'memory.available': '200Mi',
    'nodefs.available': '2%',
    'nodefs.inodesFree': '1%',
    'imagefs.available': '2%',
  },
  enforceNodeAllocatable: ['pods'],
  serializeImagePulls: false,
});

/** Starts kubelet, kube-proxy and CoreDNS; does not wait for them. */
export async function startNode(place: Place, id: string, proxyDelay?: string): Promise<void> {
  const file = (name: string) => join(place.dir, name);
  await writeFile(file('pod-resolv.conf'), ''); // pods get the cluster's own names and no others
  await writeFile(file('kubelet.yaml'), JSON.stringify(kubeletConfiguration(place, id)));
  await writeFile(file('Corefile'), corefile(place));
  await apply(place, permissions);
  keep(place, 'kubelet', [
    place.binaries.of('kubelet'),
    ...['--config', file('kubelet.yaml'), '--kubeconfig', file('kubelet.kubeconfig'), '--root-dir', file('kubelet')],
    ...['--hostname-override', id, '--node-ip', network.node],
  ]);
  keep(place, 'kube-proxy', [
    place.binaries.of('kube-proxy'),
    ...['--kubeconfig', file('proxy.kubeconfig'), '--hostname-override', id],
    ...['--proxy-mode', 'iptables', '--cluster-cidr', network.pods, '--nodeport-addresses', network.nodes],
    '--iptables-localhost-nodeports=false',
    ...(proxyDelay === undefined ? [] : ['--iptables-min-sync-period', proxyDelay]),
    // Zero leaves the machine-wide settings of connection tracking alone.
    ...['--conntrack-max-per-core', '0', '--conntrack-tcp-timeout-established', '0s'],
    ...['--conntrack-tcp-timeout-close-wait', '0s'],
    ...['--healthz-bind-address', '127.0.0.1:10256', '--metrics-bind-address', '127.0.0.1:10249'],
  ]);
  keep(place, 'coredns', [place.binaries.of('coredns'), '-conf', file('Corefile')]);
}

/** Waits until pods can run, Services' addresses lead to them and their names are known. */
export async function awaitNode(place: Place, id: string): Promise<void> {
  await awaits(place, 'the node', 120, async () => {
    await kubectl(place, ['wait', '--for=condition=Ready', `node/${id}`, '--timeout=60s']);
    return true;
  });
  await awaits(place, "kube-proxy's rules", 60, async () => {
    const rules = await asClient(place, ['iptables', '-t', 'nat', '-S', 'KUBE-SERVICES']);
    return rules.includes(`${network.kubernetes}/32`);
  });
  await awaits(place, 'CoreDNS', 60, async () => {
    await asClient(place, ['getent', 'hosts', 'kubernetes.default']);
    return true;
  });
}

/** Makes the folders of the volumes: anybody's, because which user a pod runs as is the pod's business. */
export async function makeVolumeFolders(paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    await mkdir(path, { recursive: true });
    await chmod(path, 0o777);
  }
}
