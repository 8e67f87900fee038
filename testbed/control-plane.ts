import { join } from 'node:path';
import { apply, asClient, awaits, keep, kubectl, type Place } from './place.ts';

/** Starts etcd and the API server, with `more` arguments, and waits until it is ready. */
export async function startApiServer(place: Place, more: readonly string[] = []): Promise<void> {
  const { dir, ports, address } = place;
  const etcd = `http://127.0.0.1:${ports.etcd}`;
  const peer = `http://127.0.0.1:${ports.etcdPeer}`;
  const pki = (file: string) => join(dir, 'pki', file);
  keep(place, 'etcd', [
    place.binaries.of('etcd'),
    ...['--data-dir', join(dir, 'etcd')],
    ...['--listen-client-urls', etcd, '--advertise-client-urls', etcd],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `default=${peer}`],
    '--unsafe-no-fsync',
  ]);
  keep(place, 'apiserver', [
    place.binaries.of('kube-apiserver'),
    ...['--etcd-servers', etcd],
    ...['--bind-address', address, '--advertise-address', address, '--secure-port', String(ports.api)],
    ...['--cert-dir', join(dir, 'tmp')],
    ...['--tls-cert-file', pki('apiserver.crt'), '--tls-private-key-file', pki('apiserver.key')],
    ...['--client-ca-file', pki('ca.crt'), '--token-auth-file', pki('tokens.csv')],
    ...['--service-cluster-ip-range', place.serviceCidr],
    ...['--service-account-issuer', 'https://kubernetes.default.svc'],
    ...['--service-account-key-file', pki('sa.pub'), '--service-account-signing-key-file', pki('sa.key')],
    ...['--authorization-mode', 'Node,RBAC', '--enable-admission-plugins', 'NodeRestriction'],
    ...['--kubelet-client-certificate', pki('kubelet-client.crt'), '--kubelet-client-key', pki('kubelet-client.key')],
    ...['--kubelet-certificate-authority', pki('ca.crt'), '--kubelet-preferred-address-types', 'InternalIP'],
    '--allow-privileged=true',
    ...more,
  ]);
  await awaits(place, 'the API server', 90, async () => (await kubectl(place, ['get', '--raw', '/readyz'])) === 'ok');
}

/** How many requests a second a controller may send where that is not left to it, and twice as many at once. */
const limits = (prefix: string, qps?: number): string[] =>
  qps === undefined ? [] : [`--${prefix}qps`, String(qps), `--${prefix}burst`, String(2 * qps)];

/**
 * Starts the controller manager and the scheduler; neither needs to be waited for. `qps`: how many requests a second each controller of
 * the manager may send; default: its own, 20.
 */
export function startControllers(place: Place, qps?: number): void {
  const pki = (file: string) => join(place.dir, 'pki', file);
  const as = (file: string) => {
    const path = join(place.dir, `${file}.kubeconfig`);
    return ['--kubeconfig', path, '--authentication-kubeconfig', path, '--authorization-kubeconfig', path];
  };
  keep(place, 'controller-manager', [
    place.binaries.of('kube-controller-manager'),
    ...as('controllers'),
    ...['--bind-address', '127.0.0.1', '--secure-port', String(place.ports.controllers), '--leader-elect=false'],
    ...['--cert-dir', join(place.dir, 'tmp')],
    ...['--root-ca-file', pki('ca.crt'), '--service-account-private-key-file', pki('sa.key')],
    ...['--cluster-signing-cert-file', pki('ca.crt'), '--cluster-signing-key-file', pki('ca.key')],
    '--use-service-account-credentials=true',
    ...limits('kube-api-', qps),
  ]);
  keep(place, 'scheduler', [
    place.binaries.of('kube-scheduler'),
    ...as('scheduler'),
    ...['--bind-address', '127.0.0.1', '--secure-port', String(place.ports.scheduler), '--leader-elect=false'],
    ...['--cert-dir', join(place.dir, 'tmp')],
  ]);
}

/**
 * Applies the CustomResourceDefinitions of Argo Rollouts, starts its controller and waits until it is healthy. `qps`: how many requests a
 * second it may send; default: its own, 40.
 */
export async function startRollouts(place: Place, qps?: number): Promise<void> {
  await kubectl(place, ['apply', '--server-side', '-f', place.binaries.definitions('rollouts')]);
  await awaits(place, 'the Rollout definitions', 30, async () => {
    // `kubectl wait` fails on a definition that has no conditions yet, so it is asked again.
    const kinds = ['rollouts', 'analysisruns', 'analysistemplates'].map((kind) => `crd/${kind}.argoproj.io`);
    await kubectl(place, ['wait', '--for=condition=Established', ...kinds, '--timeout=5s']);
    return true;
  });
  const { rolloutsHealth, rolloutsMetrics } = place.ports;
  keep(place, 'rollouts', [
    place.binaries.of('rollouts-controller'),
    ...['--kubeconfig', join(place.dir, 'kubeconfig'), '--leader-elect=false'],
    ...['--healthzPort', String(rolloutsHealth), '--metricsPort', String(rolloutsMetrics)],
    ...limits('', qps),
  ]);
  await awaits(place, 'the Rollouts controller', 60, async () => {
    await asClient(place, ['curl', '-sf', '-m', '2', `http://127.0.0.1:${rolloutsHealth}/healthz`]);
    return true;
  });
}

/** No pod is admitted before the controller manager has made its namespace's ServiceAccount. */
export const awaitServiceAccount = (place: Place): Promise<void> =>
  awaits(place, 'the default ServiceAccount', 60, async () => {
    await kubectl(place, ['get', 'serviceaccount', 'default', '-n', 'default']);
    return true;
  });

const volumeCount = 32;

/**
 * Makes volumes that wait for their claims, and the StorageClass they belong to: `testbed-local`, the default one.
 * @returns the volumes' folders, which a node that really mounts them has to make.
 */
export async function applyVolumes(place: Place, node: string): Promise<string[]> {
  const storageClass = {
    apiVersion: 'storage.k8s.io/v1',
    kind: 'StorageClass',
    metadata: { name: 'testbed-local', annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    provisioner: 'kubernetes.io/no-provisioner',
    volumeBindingMode: 'WaitForFirstConsumer',
  };
  const volumes = Array.from({ length: volumeCount }, (_, index) => {
    const name = `local-${index}`;
    const hostname = { key: 'kubernetes.io/hostname', operator: 'In', values: [node] };
    return {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name },
      spec: {
        capacity: { storage: '10Gi' },
        accessModes: ['ReadWriteOnce'],
        persistentVolumeReclaimPolicy: 'Retain',
        storageClassName: 'testbed-local',
        local: { path: join(place.dir, 'volumes', name) },
        nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [hostname] }] } },
      },
    };
  });
  await apply(place, [storageClass, ...volumes]);
  return volumes.map((volume) => volume.spec.local.path);
}
