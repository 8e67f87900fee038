import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import type { OverlayInput } from '../../overlays/overlay.ts';
import { type Typed, type TypeOptions, type Workplace, workplace } from '../../test/documents/workplace.ts';
import { images } from '../../testbed/images.ts';
import { type Front, openFront } from '../support/front.ts';
import { kubectl } from '../support/kubectl.ts';
import { testOverlay } from '../support/release.ts';

/** An environment of the game day. */
export type Environment = 'staging' | 'production';
export const namespaceOf = (environment: Environment) => `moneywise-${environment}`;

/** What a person on call has: a checkout whose overlays are this testbed's, and the cluster, with a public front. */
export interface Stage {
  /** Types a line of a document, as it stands or with its placeholders filled in. */
  readonly type: (line: string, options?: TypeOptions) => Promise<Typed>;
  /** The same, where anything but 0 is a failure. */
  readonly works: (line: string, options?: TypeOptions) => Promise<Typed>;
  /** Has the checkout for itself while it types: both environments are worked on in it. */
  readonly alone: <T>(act: () => Promise<T>) => Promise<T>;
  /** The variables of a release: its version, and these image tags by digest. */
  readonly releasing: (backend: string, web: string) => Promise<TypeOptions>;
  readonly close: () => Promise<void>;
}

export async function openStage(): Promise<Stage> {
  const place = await workplace();
  const front = await openFront({ staging: namespaceOf('staging'), production: namespaceOf('production') });
  const origin = join(place.folder, '.git/origin.git');
  await putOverlays(place, front, origin);
  await putUnderGit(place, origin);
  const type: Stage['type'] = (line, options = {}) =>
    place.type(line, { ...options, env: { NODE_EXTRA_CA_CERTS: front.authority, ...options.env } });
  let last: Promise<unknown> = Promise.resolve();
  const alone: Stage['alone'] = (act) => {
    const mine = last.then(act);
    last = mine.catch(() => {});
    return mine;
  };
  return {
    type,
    alone,
    works: async (line, options) => {
      const typed = await type(line, options);
      expect(typed.code, `${line}\n${typed.said}`).toBe(0);
      return typed;
    },
    releasing: async (backend, web) => {
      const references = await images();
      const image = (workload: string, tag: string) => references[`testbed.local/moneywise/${workload}:${tag}`] ?? '';
      return {
        env: { VERSION: `${backend}.0.0`, BACKEND: image('backend', backend), WEB: image('web', web) },
      };
    },
    close: async () => {
      for (const environment of ['staging', 'production'] as const)
        await kubectl(['delete', 'namespace', namespaceOf(environment), '--wait=false', '--ignore-not-found']);
      await front.close();
      await place.remove();
    },
  };
}

/** The overlays of that checkout: this testbed's images, data stores in the cluster with backups, hosts of the front. */
async function putOverlays({ folder }: Workplace, front: Front, repository: string): Promise<void> {
  const references = await images();
  for (const name of ['staging', 'production'] as const) {
    const { database, ...overlay } = testOverlay({ name, namespace: namespaceOf(name) }, references);
    const changed = {
      ...overlay,
      database: { ...database, backup: { target: { kind: 'volume', sizeGibibytes: 1 } } },
      hosts: front.hostsOf(name),
      health: { checkVia: 'url' },
      gitops: { repository, changes: 'push', appliedBy: 'kubectl' },
    } as OverlayInput;
    const text = `import type { OverlayInput } from './overlay.ts';\n\nexport const ${name} = ${JSON.stringify(changed, null, 2)} as OverlayInput;\n`;
    await writeFile(join(folder, `overlays/${name}.ts`), text);
  }
}

/** Makes the folder a clone of a repository to push to. */
async function putUnderGit({ type }: Workplace, origin: string): Promise<void> {
  await mkdir(dirname(origin), { recursive: true });
  const lines = [
    'npm run synth',
    'git init -q -b main .',
    'git config user.name "On call" && git config user.email on-call@moneywise.example',
    'git add -A && git commit -qm "What is live"',
    `git init -q --bare -b main ${origin} && git remote add origin ${origin} && git push -qu origin main`,
  ];
  for (const line of lines) expect(await type(line)).toMatchObject({ code: 0 });
}

/** A line written for production, for that environment; one that names none is for both. */
export const on = (environment: Environment, line: string): string => line.replaceAll('production', environment);
