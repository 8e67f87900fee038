import type { Overlay } from '../overlays/overlay.ts';
import type { NamedPort } from './constructs/service.ts';

// What one chart must know of another: names and ports that are contracts of the running system.

export const backendName = 'backend';
export const backendPort: NamedPort = { name: 'http', number: 3001 };
export const webName = 'web';
export const webPort: NamedPort = { name: 'http', number: 3000 };
export const databaseName = 'postgres';
export const cacheName = 'redis';
/** The Job that brings the database to the release's schema. */
export const migrationName = 'migration';
/** The Jobs that dump the database, prove a dump, and put one back. */
export const backupName = 'backup';
/** The AnalysisTemplate of the web, and the pods that look at its page. */
export const pageCheckName = `${webName}-page`;
/** Who promotes, in the cluster or outside it. */
export const promoterName = 'promoter';
/** Who starts the promoter's Job. */
export const promoterStarterName = 'promoter-starter';
/** The AnalysisTemplate of the hold, one for all members of a release. */
export const holdName = 'hold';

/** The user and group of the official Node images, which backend and web are built on. */
/** The Ingress of the public hosts. */
export const publicName = 'public';
export const nodeUid = 1000;

/** The Application of Argo CD that applies an overlay. */
export const applicationName = ({ name }: Overlay) => `moneywise-${name}`;

/** A URL of a Service as any process with the cluster's DNS can reach it. */
export function serviceUrl({ namespace }: Overlay, service: string, port: NamedPort, path: string): string {
  return `http://${service}.${namespace}.svc.cluster.local:${port.number}${path}`;
}
