import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { Hopeless, lastLines, type RunOptions, run, until } from './run.ts';

/** Where one cluster's processes run, and what they share. */
export interface Place {
  name: string;
  /** The cluster's state folder. */
  dir: string;
  binaries: Binaries;
  /** Where the control plane listens. */
  address: string;
  /** Of the Services' addresses; the API server's own Service gets the first one. */
  serviceCidr: string;
  ports: Record<
    'api' | 'etcd' | 'etcdPeer' | 'controllers' | 'scheduler' | 'rolloutsHealth' | 'rolloutsMetrics',
    number
  >;
  /** The file to which every process of the cluster appends its id before it becomes what it is. */
  register: string;
  /** A command, turned into the same one run where the daemons run. */
  inside(argv: readonly string[]): string[];
  /** A command, turned into the same one run as a client of the cluster. */
  client(argv: readonly string[]): string[];
  daemons: Daemon[];
}

export interface Daemon {
  name: string;
  pid: number;
  log: string;
  /** Gives the exit code once it has ended. */
  ended: Promise<number | null>;
  alive: boolean;
}

/** The command, in a shell that first puts itself into a register: a process is known before it can do anything. */
export const registered = (register: string, argv: readonly string[]): string[] => [
  'sh',
  '-c',
  'echo $$ >> "$0" && exec "$@"',
  register,
  ...argv,
];

/**
 * Starts a process of the cluster that outlives this one, its output in the state folder's `log/NAME.log`.
 * It gets an environment of its own, so that no proxy setting or credential of the caller reaches it.
 */
export function start(place: Place, name: string, argv: readonly string[]): Daemon {
  const log = join(place.dir, 'log', `${name}.log`);
  const output = openSync(log, 'a');
  const [command = '', ...args] = registered(place.register, place.inside(argv));
  const env = {
    HOME: join(place.dir, 'home'),
    TMPDIR: join(place.dir, 'tmp'),
    LANG: 'C.UTF-8',
    PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  };
  const child = spawn(command, args, { detached: true, stdio: ['ignore', output, output], env, cwd: '/' });
  closeSync(output);
  child.unref();
  const daemon: Daemon = { name, pid: child.pid ?? 0, log, alive: true, ended: Promise.resolve(null) };
  daemon.ended = new Promise((done) => {
    const end = (code: number | null) => {
      daemon.alive = false;
      done(code);
    };
    child.on('exit', end).on('error', () => end(null));
  });
  return daemon;
}

/** Like `start`, for what has to stay up as long as the cluster: waiting fails at once when it ends. */
export function keep(place: Place, name: string, argv: readonly string[]): Daemon {
  const daemon = start(place, name, argv);
  place.daemons.push(daemon);
  return daemon;
}

/** Waits for something in the cluster; gives up at once, with its last words, when a daemon has ended. */
export function awaits(place: Place, what: string, seconds: number, holds: () => Promise<boolean>): Promise<void> {
  return until(what, seconds, async () => {
    const ended = place.daemons.find((daemon) => !daemon.alive);
    if (ended) throw new Hopeless(`${ended.name} ended: ${lastLines(await readFile(ended.log, 'utf8'))}`);
    return await holds();
  });
}

/** Runs a client of the cluster to its end and gives its output. */
export const asClient = (place: Place, argv: readonly string[], options: RunOptions = {}): Promise<string> =>
  run(place.client(argv), options);

export const kubectl = (place: Place, args: readonly string[], input?: string): Promise<string> =>
  asClient(place, ['kubectl', ...args], input === undefined ? {} : { input });

/** Applies objects as the API server's own field manager would: what is too large for an annotation passes, too. */
export const apply = (place: Place, objects: readonly object[]): Promise<string> =>
  kubectl(
    place,
    ['apply', '--server-side', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }),
  );

/** The environment of a client as arguments of `env`: this cluster's kubeconfig and tools, and no proxy in between. */
export function clientEnvironment(place: Pick<Place, 'dir' | 'binaries'>): string[] {
  const proxies = ['http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'];
  return [
    ...[...proxies, ...proxies.map((name) => name.toUpperCase())].flatMap((name) => ['-u', name]),
    `KUBECONFIG=${join(place.dir, 'kubeconfig')}`,
    `KUBECACHEDIR=${join(place.dir, 'tmp', 'kubectl')}`,
    `PATH=${place.binaries.path}:${process.env.PATH ?? ''}`,
  ];
}
