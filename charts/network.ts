import type { Construct } from 'constructs';
import type { Overlay } from '../overlays/overlay.ts';
import { type Flow, NetworkFlows, type OutsidePeer, type PodsPeer } from './constructs/network-flows.ts';
import { objectStorageOf, objectStoragePort } from './constructs/object-storage.ts';
import { postgresExporterPort } from './constructs/postgres.ts';
import { redisExporterPort } from './constructs/redis.ts';
import { labelsOf } from './labels.ts';
import {
  backendName,
  backendPort,
  backupName,
  cacheName,
  databaseName,
  migrationName,
  pageCheckName,
  promoterName,
  webName,
  webPort,
} from './names.ts';
import { OverlayChart } from './overlay-chart.ts';
import { loadName, loadPathsOf } from './performance.ts';

/** Who may talk to whom. The kubelet's probes are not policed, and so have no flow here. */
export class NetworkChart extends OverlayChart {
  constructor(scope: Construct, file: string, overlay: Overlay) {
    super(scope, file, overlay, labelsOf(overlay, 'network', 'network'));
    new NetworkFlows(this, 'flows', { flows: flowsOf(overlay), instance: overlay.name });
  }
}

/** The flows that exist. Not among them: the web asks nobody for anything, since browsers call the API. */
function flowsOf(overlay: Overlay): Flow[] {
  const { cache, database, health, network, strategy } = overlay;
  const backend = { pods: backendName };
  const web = { pods: webName };
  const migration = { pods: migrationName };
  const databasePeer = database.kind === 'external' ? { cidrs: database.cidrs } : { pods: databaseName };
  const cachePeer = cache.kind === 'external' ? { cidrs: cache.cidrs } : { pods: cacheName };
  const toDatabase = (from: PodsPeer): Flow[] => [
    { from, to: databasePeer, ports: [database.port] },
    ...lookUps(overlay, from),
  ];
  const scrape = (pods: string, port: number): Flow[] =>
    overlay.monitoring.kind === 'none' ? [] : [{ from: network.monitoring, to: { pods }, ports: [port] }];
  const entrances = (to: PodsPeer, port: number): Flow[] => [
    { from: network.entry, to, ports: [port] },
    ...(health.checkVia === 'service' ? [{ from: { cidrs: network.apiServerCidrs }, to, ports: [port] }] : []),
  ];
  return [
    ...entrances(backend, backendPort.number),
    ...entrances(web, webPort.number),
    ...toDatabase(backend),
    { from: backend, to: cachePeer, ports: [cache.port] },
    { from: backend, to: { cidrs: [network.internet.cidr], except: network.internet.except }, ports: [443] },
    ...(strategy.kind === 'blue-green' ? toDatabase(migration) : []),
    ...(database.kind === 'in-cluster' && database.exporter ? scrape(databaseName, postgresExporterPort) : []),
    ...(cache.kind === 'in-cluster' && cache.exporter ? scrape(cacheName, redisExporterPort) : []),
    ...(database.kind === 'in-cluster' && database.backup ? toDatabase({ pods: backupName }) : []),
    ...toObjectStorage(overlay),
    ...(strategy.kind === 'blue-green' ? analysisFlows(overlay) : []),
    ...promoterFlows(overlay),
  ];
}

/** The promoter's Job, and what starts it, talk to the API server; the promoter also asks what the release policy names. */
function promoterFlows(overlay: Overlay): Flow[] {
  const { network, promoter } = overlay;
  if (promoter.kind === 'outside') return [];
  const from = { pods: promoterName };
  return [
    { from, to: { cidrs: promoter.apiServer.cidrs }, ports: [promoter.apiServer.port] },
    { from, to: { cidrs: [network.internet.cidr], except: network.internet.except }, ports: [443] },
    ...promoter.reaches.map(({ cidrs, ports }) => ({ from, to: { cidrs }, ports })),
    ...lookUps(overlay, from),
  ];
}

/** Dumps go to where they are kept, and come back from there. */
function toObjectStorage(overlay: Overlay): Flow[] {
  const target = objectStorageOf(overlay);
  return target
    ? [{ from: { pods: backupName }, to: { cidrs: target.cidrs }, ports: [objectStoragePort(target)] }]
    : [];
}

/** The controller asks the backend, live and preview, and for the hold; the web's page is asked for by a Job's pod. */
function analysisFlows(overlay: Overlay): Flow[] {
  const check = { pods: pageCheckName };
  return [
    { from: overlay.network.rollouts, to: { pods: backendName }, ports: [backendPort.number] },
    { from: check, to: { pods: webName }, ports: [webPort.number] },
    ...lookUps(overlay, check),
    ...loadFlows(overlay, backendName, backendPort.number),
    ...loadFlows(overlay, webName, webPort.number),
  ];
}

/** What puts load on a service asks its pods, new and stable. */
function loadFlows(overlay: Overlay, service: 'backend' | 'web', port: number): Flow[] {
  const from = { pods: loadName(service) };
  if (loadPathsOf(overlay, service).length === 0) return [];
  return [{ from, to: { pods: service }, ports: [port] }, ...lookUps(overlay, from)];
}

/** DNS: mostly UDP, and TCP for what does not fit into a datagram. */
function lookUps({ network }: Overlay, from: PodsPeer): Flow[] {
  const answering: OutsidePeer[] = [network.dns, ...(network.dnsCidrs.length > 0 ? [{ cidrs: network.dnsCidrs }] : [])];
  return answering.map((to) => ({ from, to, ports: [53], protocols: ['UDP', 'TCP'] }));
}
