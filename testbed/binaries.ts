import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cache, sources } from './paths.ts';
import { run, type Say, succeeds } from './run.ts';

/** A Go module of the testbed: a go.mod with `tool` lines, or with a main.go. */
interface Module {
  /** Below the testbed's folder. */
  folder: string;
  /** What it builds: the binary's name here → its package. */
  tools: Record<string, string>;
  /** What of a module's YAML is copied beside the binaries: the folder's name here → where it lies. */
  definitions?: Record<string, { module: string; folder: string }>;
  ldflags?: string;
}

const kubernetes = 'k8s.io/kubernetes/cmd';
const rollouts = 'github.com/argoproj/argo-rollouts';
const argoCd = 'github.com/argoproj/argo-cd/v3';
const kwok = 'sigs.k8s.io/kwok';

const modules = {
  kubernetes: {
    folder: '.',
    tools: {
      etcd: 'go.etcd.io/etcd/server/v3',
      'kube-apiserver': `${kubernetes}/kube-apiserver`,
      'kube-controller-manager': `${kubernetes}/kube-controller-manager`,
      'kube-scheduler': `${kubernetes}/kube-scheduler`,
      kubelet: `${kubernetes}/kubelet`,
      'kube-proxy': `${kubernetes}/kube-proxy`,
      kubectl: `${kubernetes}/kubectl`,
      'rollouts-controller': `${rollouts}/cmd/rollouts-controller`,
      'kubectl-argo-rollouts': `${rollouts}/cmd/kubectl-argo-rollouts`,
    },
    definitions: { rollouts: { module: rollouts, folder: 'manifests/crds' } },
    // Without it every Kubernetes binary calls itself v0.0.0-master.
    ldflags: '-X k8s.io/component-base/version.gitVersion=v1.34.4',
  },
  // These are modules of their own, because the libraries they ask for would change what Kubernetes is built with. Their go.mod
  // replaces what both have by Kubernetes' version of it, so that Go has compiled most of it already.
  coredns: { folder: 'coredns', tools: { coredns: 'testbed/coredns' } },
  kwok: {
    folder: 'kwok',
    tools: { kwok: `${kwok}/cmd/kwok` },
    definitions: {
      'node-stages': { module: kwok, folder: 'kustomize/stage/node/fast' },
      'heartbeat-stages': { module: kwok, folder: 'kustomize/stage/node/heartbeat-with-lease' },
      'pod-stages': { module: kwok, folder: 'kustomize/stage/pod/fast' },
    },
  },
  'argo-cd': {
    folder: 'argo-cd',
    tools: { argocd: 'testbed/argo-cd' },
    definitions: { 'argo-cd': { module: argoCd, folder: 'manifests/crds' } },
  },
  // What checks rendered manifests; host.ts and python.ts have the rest of it.
  'kube-score': { folder: 'kube-score', tools: { 'kube-score': 'github.com/zegl/kube-score/cmd/kube-score' } },
  // What `npm run bench` renders with beside kubectl.
  helm: { folder: 'helm', tools: { helm: 'helm.sh/helm/v3/cmd/helm' } },
  lint: { folder: 'lint', tools: { actionlint: 'github.com/rhysd/actionlint/cmd/actionlint' } },
} satisfies Record<string, Module>;

type ModuleName = keyof typeof modules;

/** Whether pods really run, or only say so. */
export type Kind = 'node' | 'fake';

/** What a real node can have besides: Argo CD with a Git server to follow. */
export type Extra = 'gitops';

/** What binaries are for: a cluster of a kind, what it can have besides, checks of rendered manifests and of workflows, or benchmarks. */
export type Purpose = Kind | Extra | 'checks' | 'bench';

const needs: Record<Purpose, ModuleName[]> = {
  node: ['kubernetes', 'coredns'],
  fake: ['kubernetes', 'kwok'],
  gitops: ['argo-cd'],
  checks: ['kube-score', 'lint'],
  bench: ['helm'],
};

/** With which option `build` makes them. */
const optionOf: Record<Purpose, string> = {
  node: ' --kind node',
  fake: ' --kind fake',
  gitops: ' --with gitops',
  checks: '',
  bench: '',
};

async function folderOf(name: ModuleName): Promise<string> {
  const module: Module = modules[name];
  const hash = createHash('sha256').update(`${process.platform} ${process.arch} ${module.ldflags}`);
  for (const file of ['go.mod', 'go.sum', 'main.go']) {
    const path = join(sources, module.folder, file);
    if (existsSync(path)) hash.update(await readFile(path));
  }
  return join(cache(), 'bin', `${name}-${hash.digest('hex').slice(0, 16)}`);
}

/** KUBEBUILDER_ASSETS is the Kubernetes world's name for a folder with etcd, kube-apiserver and kubectl. */
function asset(tool: string): string | undefined {
  const path = join(process.env.KUBEBUILDER_ASSETS ?? '', tool);
  return process.env.KUBEBUILDER_ASSETS && existsSync(path) ? path : undefined;
}

/** Builds what a purpose needs and the cache lacks: minutes on two cores the first time, seconds with Go's own cache. */
export async function buildBinaries(purpose: Purpose, say: Say): Promise<void> {
  for (const name of needs[purpose]) {
    const module: Module = modules[name];
    const folder = await folderOf(name);
    const missing = Object.entries(module.tools).filter(([tool]) => !asset(tool) && !existsSync(join(folder, tool)));
    const undefinedYet = Object.entries(module.definitions ?? {}).filter(([crd]) => !existsSync(join(folder, crd)));
    if (missing.length === 0 && undefinedYet.length === 0) {
      say(`${name}: binaries are there`);
      continue;
    }
    await requireGo();
    await mkdir(folder, { recursive: true });
    const scratch = await mkdtemp(join(folder, 'new-'));
    try {
      // Memory for time: the compiler collects its garbage less often.
      const env = { GOGC: '400', ...process.env, CGO_ENABLED: '0' };
      const at = { cwd: join(sources, module.folder), env };
      say(`${name}: building ${missing.map(([tool]) => tool).join(', ')}`);
      // One command for all packages lets Go compile what they share once and in parallel.
      const packages = missing.map(([, path]) => path);
      const ldflags = `-s -w ${module.ldflags ?? ''}`.trim();
      await mkdir(join(scratch, 'bin'));
      if (packages.length > 0) {
        await run(['go', 'build', '-trimpath', '-ldflags', ldflags, '-o', `${join(scratch, 'bin')}/`, ...packages], at);
      }
      for (const [tool, path] of missing) await rename(join(scratch, 'bin', goName(path)), join(folder, tool));
      for (const [crd, from] of undefinedYet) {
        const root = (await run(['go', 'list', '-m', '-f', '{{.Dir}}', from.module], at)).trim();
        await copyDefinitions(join(root, from.folder), join(scratch, crd));
        await rename(join(scratch, crd), join(folder, crd));
      }
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
    say(`${name}: built`);
  }
}

/** Go names a binary after its package's last folder that is not a major version. */
const goName = (path: string): string => path.replace(/\/v\d+$/, '').replace(/^.*\//, '');

async function copyDefinitions(from: string, to: string): Promise<void> {
  await mkdir(to);
  for (const file of await readdir(from)) {
    if (file.endsWith('.yaml') && file !== 'kustomization.yaml') await copyFile(join(from, file), join(to, file));
  }
}

async function requireGo(): Promise<void> {
  if (!(await succeeds(['go', 'version']))) {
    throw new Error(
      'Go is missing: install Go 1.24.9 or newer, put it on PATH, and run `npm run testbed -- build` again',
    );
  }
}

/** Where the binaries for a purpose are. */
export interface Binaries {
  /** The path of a binary. */
  of(tool: string): string;
  /** The folder of a module's YAML of that name. */
  definitions(name: string): string;
  /** For PATH: all folders with binaries. */
  path: string;
}

/** @throws when `build` was not run for these sources. */
export async function binaries(purpose: Purpose): Promise<Binaries> {
  const folders = await Promise.all(needs[purpose].map(folderOf));
  const found = (file: string): string => {
    const path = asset(file) ?? folders.map((folder) => join(folder, file)).find((path) => existsSync(path));
    if (!path) throw new Error(`${file} is not built: run \`npm run testbed -- build${optionOf[purpose]}\``);
    return path;
  };
  for (const name of needs[purpose]) {
    for (const file of Object.keys({ ...modules[name].tools, ...(modules[name] as Module).definitions })) found(file);
  }
  const path = [process.env.KUBEBUILDER_ASSETS, ...folders].filter(Boolean).join(':');
  return { of: found, definitions: found, path };
}
