import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { createCgroups, registerOf } from './cgroups.ts';
import { importImages, startContainerd } from './containerd.ts';
import { applyVolumes, awaitServiceAccount, startApiServer, startControllers, startRollouts } from './control-plane.ts';
import { startHolder } from './holder.ts';
import { writeKeys, writeKubeconfigs } from './identities.ts';
import { builtImages } from './images.ts';
import { awaitNode, makeVolumeFolders, startNode } from './kubelet.ts';
import { createNetwork, inNetwork, network } from './network.ts';
import { idOf, stateOf } from './paths.ts';
import { clientEnvironment, type Place, registered } from './place.ts';
import type { Say } from './run.ts';

const ports: Place['ports'] = {
  api: 6443,
  etcd: 2379,
  etcdPeer: 2380,
  controllers: 10257,
  scheduler: 10259,
  rolloutsHealth: 8080,
  rolloutsMetrics: 8090,
};

// Set for clients in a cluster's network, to the cluster's name. They see no cgroups.
const inside = 'TESTBED_INSIDE';

/** The cluster in whose network this process runs, if it does in any. */
export const insideOf = (): string | undefined => process.env[inside];

/** Turns a command into the same one run in the cluster's network, where it ends with the cluster at the latest. */
export function nodeClient(name: string, binaries: Binaries): Place['client'] {
  const environment = [...clientEnvironment({ dir: stateOf(name), binaries }), `${inside}=${name}`];
  if (insideOf() === name) return (argv) => ['env', ...environment, ...argv];
  return (argv) => registered(registerOf(idOf(name)), inNetwork(idOf(name), ['env', ...environment, ...argv]));
}

export const nodePlace = (name: string, binaries: Binaries): Place => ({
  name,
  dir: stateOf(name),
  binaries,
  address: network.node,
  serviceCidr: network.services,
  ports,
  register: registerOf(idOf(name)),
  inside: (argv) => [...argv],
  client: nodeClient(name, binaries),
  daemons: [],
});

/** Brings up a real node, from the network namespace to the Rollouts controller: about 13 s on two cores. */
export async function upNode(place: Place, say: Say, proxyDelay?: string): Promise<void> {
  const id = idOf(place.name);
  const images = await builtImages();
  for (const folder of ['log', 'pki', 'home', 'tmp']) await mkdir(join(place.dir, folder), { recursive: true });
  // The register comes first: from here on `down` finds every process.
  await createCgroups(id);
  await createNetwork(id);
  place.inside = await startHolder(place, id);
  say('namespaces');
  // The import takes longest: it runs beside all that follows.
  const containers = startContainerd(place, images.pause);
  const imported = containers.then(() => importImages(place, images.layout)).then(() => say('images imported'));
  imported.catch(() => {}); // awaited below; a failure before that has been reported by then
  await writeKeys(place, network.kubernetes, { name: id, address: network.node });
  await writeKubeconfigs(place, id);
  await startApiServer(place);
  say('API server ready');
  startControllers(place);
  await containers;
  await startNode(place, id, proxyDelay);
  await makeVolumeFolders(await applyVolumes(place, id));
  await awaitNode(place, id);
  say('node ready');
  await awaitServiceAccount(place);
  await startRollouts(place);
  say('Argo Rollouts ready');
  await imported;
}
