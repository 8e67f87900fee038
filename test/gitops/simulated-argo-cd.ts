import type { Application, KubeObject, Rollout } from '../../promotion/cluster/objects.ts';
import { isAutomated, REFRESH } from '../../promotion/gitops/application.ts';
import type { World } from '../../promotion/simulation/world.ts';

// An Argo CD in virtual time, as far as the promoter deals with it: after the controller's source (v3.2.3), whose traps it has.

/** Its one Application. */
export const APPLICATION = 'moneywise-shop';

export interface Simulated {
  /** What Git asks for, and the commit that does. */
  git: { commit: string; objects: readonly KubeObject[] };
  /** Each sync it began: when, of which commit. */
  readonly syncs: { at: number; commit: string }[];
  readonly application: () => Application;
  /** Changes the Application as a person does. */
  readonly edit: (change: (application: Application) => Application) => void;
}

interface Options {
  /** How long a comparison takes, in milliseconds. @default 800 */
  readonly comparison?: number;
  /** Whether a sync goes on, again and again, until it is ended. @default false */
  readonly retries?: boolean;
  /** Whether it does anything. @default true */
  readonly isUp?: boolean;
}

/** Starts it: it compares every ten seconds, and when the Application or a Rollout changes. */
export function simulateArgoCd(world: World, git: Simulated['git'], options: Options = {}): Simulated {
  const { comparison = 800, retries = false, isUp = true } = options;
  const { api, scheduler } = world;
  const automated = { prune: true, selfHeal: true };
  const initial = { apiVersion: 'argoproj.io/v1alpha1', kind: 'Application', metadata: { name: APPLICATION } };
  api.create('applications', { ...initial, spec: { syncPolicy: { automated } } } as KubeObject);
  const application = () => api.get<Application>('applications', APPLICATION) as Application;
  const edit: Simulated['edit'] = (change) => void api.update<Application>('applications', APPLICATION, change);
  const simulated: Simulated = { git, syncs: [], application, edit };
  let known = git;
  let isComparing = false;
  let isAskedAgain = false;

  const asksFor = ({ objects }: Simulated['git'], { metadata, spec }: Rollout) =>
    objects.some(
      (o) =>
        o.kind === 'Rollout' &&
        o.metadata.name === metadata.name &&
        JSON.stringify((o as Rollout).spec.template) === JSON.stringify(spec.template),
    );

  /** One comparison at a time; it decides by the Application as it was when it began. */
  function compare(): void {
    if (isComparing) {
      isAskedAgain = true;
      return;
    }
    isComparing = true;
    const begun = application();
    const isForced = begun.metadata.annotations?.[REFRESH] !== undefined;
    if (isForced) known = simulated.git;
    scheduler.after(comparison, () => {
      const isSynced = api.list<Rollout>('rollouts').every((rollout) => asksFor(known, rollout));
      if (isAutomated(begun) && !isSynced && !application().operation) beginSync(known);
      edit(({ metadata: { annotations = {}, ...metadata }, status, ...rest }) => {
        const { [REFRESH]: _, ...kept } = annotations;
        return {
          ...rest,
          metadata: { ...metadata, annotations: isForced ? kept : annotations },
          status: { ...status, sync: { status: isSynced ? 'Synced' : 'OutOfSync', revision: known.commit } },
        };
      });
      isComparing = false;
      if (!isAskedAgain) return;
      isAskedAgain = false;
      compare();
    });
  }

  function beginSync(what: Simulated['git']): void {
    simulated.syncs.push({ at: scheduler.now(), commit: what.commit });
    const operation = { sync: { revision: what.commit } };
    const operationState = { phase: 'Running', startedAt: new Date(scheduler.now()).toISOString(), operation };
    edit((a) => ({ ...a, operation, status: { ...a.status, operationState } }));
    scheduler.after(300, () => {
      if (application().status?.operationState?.phase === 'Running') world.apply(what.objects);
      if (!retries) endSync('Succeeded');
    });
  }

  function endSync(phase: string): void {
    edit(({ operation: _, ...a }) => ({
      ...a,
      status: { ...a.status, operationState: { ...a.status?.operationState, phase } },
    }));
  }

  if (!isUp) return simulated;
  api.listen((plural) => {
    if (application().status?.operationState?.phase === 'Terminating') scheduler.after(50, () => endSync('Failed'));
    if (plural === 'rollouts' || application().metadata.annotations?.[REFRESH] !== undefined) compare();
  });
  const tick = () => {
    compare();
    scheduler.after(10_000, tick);
  };
  tick();
  return simulated;
}
