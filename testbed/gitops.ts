import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Binaries } from './binaries.ts';
import { network } from './network.ts';
import { stateOf } from './paths.ts';
import { apply, awaits, keep, kubectl, type Place } from './place.ts';
import { run, type Say } from './run.ts';

/** Debian's part of it: Argo CD keeps its cache in Redis. */
export const gitopsPackages = ['git', 'redis-server'];

/** Where Argo CD has its Applications. */
export const argoNamespace = 'argocd';

const ports = { git: 9418, redis: 6380, repoServer: 8091, repoMetrics: 8094, controllerMetrics: 8092 };

const repositories = (name: string): string => join(stateOf(name), 'git');

/** The address of a repository in a testbed with a Git server, for Argo CD and for whoever pushes from inside. */
export const repositoryUrl = (repository: string): string => `git://${network.node}:${ports.git}/${repository}.git`;

/** Makes an empty repository, with the branch `main`, that everybody inside may read and push to. */
export async function createRepository(testbed: string, repository: string): Promise<string> {
  const folder = join(repositories(testbed), `${repository}.git`);
  await run(['git', 'init', '-q', '--bare', '-b', 'main', folder]);
  return folder;
}

/**
 * Starts a Git server and what of Argo CD brings manifests into a cluster: its repo-server and its application controller,
 * the real ones. Its API server, its web page and its webhooks are not there: it looks for itself, every ten seconds.
 */
export async function startGitops(place: Place, argoCd: Binaries, say: Say): Promise<void> {
  const folder = repositories(place.name);
  await mkdir(folder, { recursive: true });
  keep(place, 'git', [
    ...['git', 'daemon', '--export-all', '--enable=receive-pack', '--reuseaddr', '--timeout=30', '--init-timeout=10'],
    ...[`--base-path=${folder}`, `--listen=${network.node}`, `--port=${ports.git}`],
    folder,
  ]);
  keep(place, 'redis', [
    ...['redis-server', '--bind', '127.0.0.1', '--port', String(ports.redis), '--dir', join(place.dir, 'tmp')],
    ...['--save', '', '--appendonly', 'no'],
  ]);
  await kubectl(place, ['apply', '--server-side', '-f', argoCd.definitions('argo-cd')]);
  await awaits(place, 'the Application definitions', 30, async () => {
    const kinds = ['applications', 'appprojects'].map((kind) => `crd/${kind}.argoproj.io`);
    await kubectl(place, ['wait', '--for=condition=Established', ...kinds, '--timeout=5s']);
    return true;
  });
  await apply(place, settings);
  const kubeconfig = await kubeconfigInNamespace(place);
  const process = (name: string, environment: readonly string[], args: readonly string[]) =>
    keep(place, name, [
      ...['env', ...environment, argoCd.of('argocd'), name],
      ...['--redis', `localhost:${ports.redis}`, ...args],
    ]);
  process(
    'argocd-repo-server',
    // Its socket is else in /tmp, which all testbeds share.
    ['ARGOCD_GPG_ENABLED=false', `ARGOCD_ASK_PASS_SOCK=${join(place.dir, 'ask-pass.sock')}`],
    [
      ...['--address', '127.0.0.1', '--port', String(ports.repoServer), '--disable-tls'],
      ...['--metrics-address', '127.0.0.1', '--metrics-port', String(ports.repoMetrics)],
      // Else a new commit is not seen for three minutes, however often it looks.
      ...['--revision-cache-expiration', '5s'],
    ],
  );
  process(
    'argocd-application-controller',
    // Or https://kubernetes.default.svc would not be the cluster of a kubeconfig; that one it takes from its environment.
    ['ARGOCD_FAKE_IN_CLUSTER=true', `KUBECONFIG=${kubeconfig}`],
    [
      ...['--kubeconfig', kubeconfig, '--namespace', argoNamespace],
      ...['--repo-server', `localhost:${ports.repoServer}`, '--repo-server-plaintext'],
      ...['--metrics-port', String(ports.controllerMetrics), '--app-resync', '10', '--app-resync-jitter', '0'],
    ],
  );
  await awaits(place, 'Argo CD', 60, async () => {
    const healthy = ['curl', '-sf', '-m', '2'];
    await run(place.client([...healthy, `http://127.0.0.1:${ports.repoMetrics}/healthz`]));
    await run(place.client([...healthy, `http://127.0.0.1:${ports.controllerMetrics}/healthz`]));
    return true;
  });
  say('Argo CD ready');
}

/** What its processes read when they start. */
const settings = [
  { apiVersion: 'v1', kind: 'Namespace', metadata: { name: argoNamespace } },
  setting('ConfigMap', 'argocd-cm', { data: { 'timeout.reconciliation': '10s' } }),
  setting('ConfigMap', 'argocd-rbac-cm', {}),
  setting('Secret', 'argocd-secret', { stringData: { 'server.secretkey': 'only-for-tests' } }),
];

function setting(kind: string, name: string, content: object): object {
  const labels = { 'app.kubernetes.io/part-of': 'argocd' };
  return { apiVersion: 'v1', kind, metadata: { name, namespace: argoNamespace, labels }, ...content };
}

/** It looks for its settings in the namespace of the kubeconfig's context. */
async function kubeconfigInNamespace(place: Place): Promise<string> {
  const config = JSON.parse(await readFile(join(place.dir, 'kubeconfig'), 'utf8'));
  config.contexts[0].context.namespace = argoNamespace;
  const file = join(place.dir, 'argocd.kubeconfig');
  await writeFile(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}
