import type { DebianLayer } from './layers.ts';
import type { ImageConfig } from './oci.ts';

export type LayerName = DebianLayer | 'backend' | 'web';

/** An image before its layers are built. */
export interface Recipe {
  name: string;
  layers: LayerName[];
  config: ImageConfig;
}

const registry = 'testbed.local';
export const pause = `${registry}/pause:1`;

const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const infrastructure: Recipe[] = [
  // A sandbox only has to stay alive.
  {
    name: pause,
    layers: ['base'],
    config: { Entrypoint: ['/usr/bin/sleep', 'infinity'], User: '65535:65535', Env: [path] },
  },
  { name: `${registry}/node:20`, layers: ['base', 'node'], config: { Cmd: ['node'], WorkingDir: '/app', Env: [path] } },
  {
    name: `${registry}/postgres:15`,
    layers: ['base', 'postgres'],
    config: {
      Entrypoint: ['docker-entrypoint.sh'],
      Cmd: ['postgres'],
      Env: [`${path}:/usr/lib/postgresql/15/bin`, 'LANG=C.UTF-8', 'PG_MAJOR=15', 'PGDATA=/var/lib/postgresql/data'],
      StopSignal: 'SIGINT',
      ExposedPorts: { '5432/tcp': {} },
      Volumes: { '/var/lib/postgresql/data': {} },
    },
  },
  {
    name: `${registry}/redis:7`,
    layers: ['base', 'redis'],
    config: {
      Entrypoint: ['docker-entrypoint.sh'],
      Cmd: ['redis-server'],
      Env: [path],
      WorkingDir: '/data',
      ExposedPorts: { '6379/tcp': {} },
      Volumes: { '/data': {} },
    },
  },
];

/** A version of the stand-in application, and how it misbehaves (see app/fault.ts for the words). */
interface Variant {
  version: string;
  fault?: string;
  /** Who meets the fault; default: everybody. */
  audience?: 'preview' | 'active' | 'probe';
}

// The same for backend and web, so that either can be the one that spoils a release.
const variants: Record<string, Variant> = {
  v1: { version: '1.0.0' },
  v2: { version: '2.0.0' },
  v3: { version: '3.0.0' },
  v4: { version: '4.0.0' },
  v5: { version: '5.0.0' },
  'v2-never-ready': { version: '2.0.0', fault: 'unready' },
  'v2-fails-analysis': { version: '2.0.0', fault: 'status-error', audience: 'preview' },
  'v2-unhealthy-active': { version: '2.0.0', fault: 'http-500', audience: 'active' },
  'v2-not-json': { version: '2.0.0', fault: 'not-json', audience: 'preview' },
  'v2-wrong-version': { version: '2.0.0', fault: 'wrong-version' },
  'v2-slow': { version: '2.0.0', fault: 'slow', audience: 'preview' },
  'v2-crash': { version: '2.0.0', fault: 'crash' },
};

const application = (name: 'backend' | 'web', port: number): Recipe[] =>
  Object.entries(variants).map(([tag, { version, fault, audience }]) => ({
    name: `${registry}/moneywise/${name}:${tag}`,
    layers: ['base', 'node', name],
    config: {
      Cmd: ['node', '--require', './max-connection-age.cjs', 'server.js'],
      User: '1000:1000',
      WorkingDir: '/app',
      Env: [
        path,
        `APP_VERSION=${version}`,
        ...(fault ? [`STANDIN_FAULT=${fault}`] : []),
        ...(audience ? [`STANDIN_FAULT_FOR=${audience}`] : []),
      ],
      ExposedPorts: { [`${port}/tcp`]: {} },
    },
  }));

/** The promoter's image, as images/promoter/Dockerfile has it, over the node and the git of these images. */
export const promoter: Pick<Recipe, 'name' | 'config'> = {
  name: `${registry}/moneywise/promoter:today`,
  config: {
    Entrypoint: ['node', '/app/moneywise-deploy.mjs'],
    User: '1000:1000',
    WorkingDir: '/tmp',
    Env: [
      ...[path, 'NODE_ENV=production', 'HOME=/tmp', 'GIT_ASKPASS=/app/askpass.sh'],
      ...['GIT_AUTHOR_NAME=promoter', 'GIT_AUTHOR_EMAIL=promoter@moneywise.app'],
      ...['GIT_COMMITTER_NAME=promoter', 'GIT_COMMITTER_EMAIL=promoter@moneywise.app'],
    ],
  },
};

/** Every image that a real node has. */
export const recipes: Recipe[] = [...infrastructure, ...application('backend', 3001), ...application('web', 3000)];
