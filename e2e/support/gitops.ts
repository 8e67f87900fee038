import { type ChildProcess, spawn } from 'node:child_process';
import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { renderGitops } from '../../charts/gitops.ts';
import type { OverlayInput } from '../../overlays/overlay.ts';
import type { Application, Rollout } from '../../promotion/cluster/objects.ts';
import { argoNamespace, createRepository, repositoryUrl } from '../../testbed/gitops.ts';
import { images } from '../../testbed/images.ts';
import { insideOf } from '../../testbed/node.ts';
import { until } from '../../testbed/run.ts';
import { versionOf } from './baseline.ts';
import { newFolder } from './folder.ts';
import { type Ended, kubectl, read, run } from './kubectl.ts';
import { overlayOf } from './release.ts';

/** The overlay that the repository is about; its namespace is another. */
const OVERLAY = 'staging';

/** This project in a repository of the testbed's Git server, and the Application that keeps its manifests in a namespace. */
export interface GitOps {
  readonly namespace: string;
  readonly application: string;
  /** A checkout of `main`, where a person would be. */
  readonly checkout: string;
  /** Its folder with manifests. */
  readonly dist: string;
  /** Types `pin --push` with the images of these tags, and pulls; the newest commit, and how `pin` ended. */
  readonly pin: (backend: string, web: string) => Promise<Ended & { readonly commit: string }>;
  /** Runs git in the checkout; what it printed. */
  readonly git: (...args: string[]) => Promise<string>;
  /** The newest commit of `main` on the server. */
  readonly head: () => Promise<string>;
}

/** Makes the repository, with v1 pinned, and the Application. */
export async function newGitOps(namespace: string, more: Partial<OverlayInput> = {}): Promise<GitOps> {
  const testbed = insideOf();
  if (!testbed) throw new Error('only inside a testbed that is up with gitops');
  // Argo CD remembers a repository by its address.
  const repository = `${namespace}-${Date.now()}`;
  await createRepository(testbed, repository);
  const url = repositoryUrl(repository);
  const checkout = await newFolder('checkout');
  const git = (...args: string[]) => inFolder(checkout, args);
  await git('init', '-q', '-b', 'main');
  await git('remote', 'add', 'origin', url);
  await symlink(join(process.cwd(), 'node_modules'), join(checkout, 'node_modules'));
  await writeFile(join(checkout, '.git', 'info', 'exclude'), 'node_modules\n');
  await copySources(checkout);
  const overlay = { name: OVERLAY, gitops: { repository: url, selfHeal: true, changes: 'push' }, ...more } as const;
  const first = await overlayOf({ namespace, backend: 'v1', web: 'v1', overlay });
  const { pins: _, ...data } = first;
  const text = `import type { OverlayInput } from './overlay.ts';\n\nexport const staging: OverlayInput = ${JSON.stringify(data)};\n`;
  await writeFile(join(checkout, 'overlays', `${OVERLAY}.ts`), text);
  await git('add', '--all');
  await git('commit', '-q', '-m', 'The project');
  await git('push', '-q', '-u', 'origin', 'main');
  const project = Object.values(renderGitops([first])).join('---\n');

  const references = await images();
  async function pin(backend: string, web: string) {
    const image = (name: string, tag: string) => `${name}=${references[`testbed.local/moneywise/${name}:${tag}`]}`;
    const version = versionOf(backend);
    const typed = ['pin', OVERLAY, '--push', '--version', version];
    const argv = [...typed, '--image', image('backend', backend), '--image', image('web', web)];
    const ended = await run(
      'node',
      ['--import', 'tsx', 'scripts/moneywise-deploy.ts', ...argv],
      undefined,
      undefined,
      undefined,
      checkout,
    );
    await git('pull', '-q', '--ff-only');
    return { ...ended, commit: (await git('rev-parse', 'HEAD')).trim() };
  }

  const pinned = await pin('v1', 'v1');
  if (pinned.code !== 0) throw new Error(`pin: ${pinned.stderr}`);
  await kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], project);
  return {
    namespace,
    application: `moneywise-${OVERLAY}`,
    checkout,
    dist: join(checkout, 'dist', OVERLAY),
    pin,
    git,
    head: async () => (await git('ls-remote', 'origin', 'refs/heads/main')).split('\t')[0] ?? '',
  };
}

/** What of this project renders and pins. */
async function copySources(to: string): Promise<void> {
  const paths = ['charts', 'imports', 'overlays', 'promotion', 'scripts', 'package.json', 'package-lock.json'];
  const listed = await inFolder('.', ['ls-files', ...paths, 'tsconfig.json', 'cdk8s.yaml', '.gitignore']);
  for (const file of listed.split('\n').filter((name) => name !== '')) {
    await mkdir(dirname(join(to, file)), { recursive: true });
    await copyFile(file, join(to, file));
  }
}

/** Waits until Argo CD has applied that commit: it asks Git every ten seconds. */
export async function synced({ application }: GitOps, commit: string): Promise<void> {
  await until(`Application ${application} at ${commit.slice(0, 10)}`, 150, async () => {
    const { status } = await read<Application>(argoNamespace, 'application', application);
    return status?.sync?.revision === commit && status.sync.status === 'Synced';
  });
}

/** Gives the Ingresses an address, as their controller does: without one Argo CD waits for them for ever. */
export async function exposed({ namespace }: GitOps): Promise<void> {
  const status = { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } };
  const patch = ['--subresource=status', '--type=merge', '-p', JSON.stringify({ status })];
  for (const name of ['public', 'preview']) await kubectl(['-n', namespace, 'patch', 'ingress', name, ...patch]);
}

/** What was seen of a member's Rollout and of the Application while something was done, in order. */
export interface Watched {
  /** Each image that a Rollout's template asked for, when it changed. */
  readonly templates: readonly { readonly at: number; readonly member: string; readonly image: string }[];
  /** Each sync that Argo CD began. */
  readonly syncs: readonly Sync[];
  /** Each value of `enabled` of the automated sync, when it changed. */
  readonly automated: readonly { readonly at: number; readonly enabled: boolean | undefined }[];
}

export interface Sync {
  readonly at: number;
  readonly startedAt: string;
  readonly revision: string;
  /** Begun because the cluster had changed, not Git. */
  readonly isSelfHeal: boolean;
}

interface Operated extends Application {
  readonly operation?: { readonly sync?: { readonly revision?: string; readonly selfHealAttemptsCount?: number } };
}

/** Follows the Rollouts and the Application while `act` runs, by watches: nothing that lasts is missed. */
export async function observed<T>(
  { namespace, application }: GitOps,
  act: () => Promise<T>,
): Promise<{ result: T; seen: Watched }> {
  const templates: { at: number; member: string; image: string }[] = [];
  const syncs: Sync[] = [];
  const automated: { at: number; enabled: boolean | undefined }[] = [];
  const onRollout = ({ metadata, spec }: Rollout) => {
    const image = spec.template?.spec?.containers?.[0]?.image ?? '';
    const last = templates.findLast((t) => t.member === metadata.name);
    if (last?.image !== image) templates.push({ at: Date.now(), member: metadata.name, image });
  };
  const onApplication = ({ spec, operation, status }: Operated) => {
    const enabled = spec?.syncPolicy?.automated?.enabled;
    if (automated.length === 0 || automated.at(-1)?.enabled !== enabled) automated.push({ at: Date.now(), enabled });
    const { startedAt } = status?.operationState ?? {};
    if (!operation?.sync || !startedAt || syncs.at(-1)?.startedAt === startedAt) return;
    const { revision = '', selfHealAttemptsCount = 0 } = operation.sync;
    syncs.push({ at: Date.now(), startedAt, revision, isSelfHeal: selfHealAttemptsCount > 0 });
  };
  const watches = [
    watch(['-n', namespace, 'rollouts'], onRollout),
    watch(['-n', argoNamespace, 'application', application], onApplication),
  ];
  try {
    return { result: await act(), seen: { templates, syncs, automated } };
  } finally {
    for (const child of watches) child.kill('SIGKILL');
  }
}

/** Streams objects, one JSON document each. */
function watch<T>(what: readonly string[], on: (object: T) => void): ChildProcess {
  const child = spawn('kubectl', ['get', ...what, '--watch', '-o', 'json'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
    // Documents are indented, so only the last line of one is a lone brace.
    const documents = text.split(/(?<=^}\n)/m);
    text = documents.at(-1)?.endsWith('\n}\n') ? '' : (documents.pop() ?? '');
    for (const document of documents) on(JSON.parse(document) as T);
  });
  return child;
}

async function inFolder(folder: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run('git', ['-C', folder, ...args]);
  if (code !== 0) throw new Error(`git ${args.join(' ')}: ${stderr.trim()}`);
  return stdout;
}
