import { mkdir, readdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { applyVolumes, awaitServiceAccount, startApiServer, startControllers, startRollouts } from './control-plane.ts';
import { writeKeys, writeKubeconfigs } from './identities.ts';
import { idOf, stateOf } from './paths.ts';
import { apply, awaits, clientEnvironment, keep, kubectl, type Place } from './place.ts';
import type { Say } from './run.ts';

/** As many ports of loopback as asked for, free a moment ago. */
async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = servers.map(
    (server) =>
      new Promise<number>((done, failed) => {
        server.on('error', failed).listen(0, '127.0.0.1', () => {
          const address = server.address();
          done(address && typeof address === 'object' ? address.port : 0);
        });
      }),
  );
  const found = await Promise.all(ports);
  await Promise.all(servers.map((server) => new Promise((done) => server.close(done))));
  return found;
}

/** Turns a command into the same one with the cluster's kubeconfig and tools. */
export function fakeClient(name: string, binaries: Binaries): Place['client'] {
  const environment = clientEnvironment({ dir: stateOf(name), binaries });
  return (argv) => ['env', ...environment, ...argv];
}

export async function fakePlace(name: string, binaries: Binaries): Promise<Place> {
  const [api = 0, etcd = 0, etcdPeer = 0, controllers = 0, scheduler = 0, rolloutsHealth = 0, rolloutsMetrics = 0] =
    await freePorts(7);
  return {
    name,
    dir: stateOf(name),
    binaries,
    address: '127.0.0.1',
    // On loopback, so that a process of this host can play the pods behind a Service.
    serviceCidr: `127.${128 + (api % 64)}.0.0/16`,
    ports: { api, etcd, etcdPeer, controllers, scheduler, rolloutsHealth, rolloutsMetrics },
    register: join(stateOf(name), 'pids'),
    inside: (argv) => [...argv],
    client: fakeClient(name, binaries),
    daemons: [],
  };
}

const fakeNode = (name: string) => {
  const capacity = { cpu: '64', memory: '256Gi', 'ephemeral-storage': '1Ti', pods: '2000' };
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      annotations: { 'kwok.x-k8s.io/node': 'fake' },
      labels: { 'kubernetes.io/hostname': name, 'kubernetes.io/os': 'linux' },
    },
    status: { capacity, allocatable: capacity },
  };
};

/** What kwok does to nodes and pods: its own simplest stages, which make everything ready at once. */
async function stages(binaries: Binaries): Promise<string[]> {
  const folders = ['node-stages', 'heartbeat-stages', 'pod-stages'].map((name) => binaries.definitions(name));
  const files = await Promise.all(
    folders.map(async (folder) => (await readdir(folder)).map((file) => join(folder, file))),
  );
  return files.flat().sort();
}

/** Brings up a control plane whose pods kwok only says are running: about 10 s on two cores, and no root needed. */
export async function upFake(place: Place, say: Say, qps?: number): Promise<void> {
  const id = idOf(place.name);
  for (const folder of ['log', 'pki', 'home', 'tmp']) await mkdir(join(place.dir, folder), { recursive: true });
  await writeKeys(place, place.serviceCidr.replace('.0/16', '.1'), { name: id, address: place.address });
  await writeKubeconfigs(place, id);
  // An endpoint on loopback is refused, so the API server is not to announce its own.
  await startApiServer(place, ['--endpoint-reconciler-type', 'none']);
  say('API server ready');
  startControllers(place, qps);
  keep(place, 'kwok', [
    place.binaries.of('kwok'),
    ...(await stages(place.binaries)).flatMap((file) => ['--config', file]),
    ...['--kubeconfig', join(place.dir, 'kubeconfig'), '--server-address', '127.0.0.1:0', '--manage-all-nodes=true'],
    // Without leases the node would be declared lost after a minute.
    ...['--node-lease-duration-seconds', '40'],
  ]);
  await apply(place, [fakeNode(id)]);
  await applyVolumes(place, id);
  await awaitServiceAccount(place);
  await awaits(place, 'the node', 30, async () => {
    await kubectl(place, ['wait', '--for=condition=Ready', `node/${id}`, '--timeout=20s']);
    return true;
  });
  say('node ready');
  await startRollouts(place, qps);
  say('Argo Rollouts ready');
}
