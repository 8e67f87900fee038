import type { Application, Rollout, Service } from '../cluster/objects.ts';
import { POD_HASH } from '../cluster/objects.ts';
import { type Cluster, ClusterError } from '../cluster/port.ts';
import type { View } from '../cluster/view.ts';
import { difference } from '../core/template.ts';
import type { Say } from '../run/say.ts';
import {
  annotate,
  describeApplication,
  type Followed,
  follow,
  isAutomated,
  isBusy,
  isRefreshing,
  REFRESH,
} from './application.ts';
import type { Asked } from './introduced.ts';
import { endSync, letGoByHand, restore, suspend, suspensionOf } from './suspend.ts';

/** Which Application keeps a release in its cluster. */
export interface ApplicationRef {
  /** Where Argo CD runs. */
  readonly namespace: string;
  readonly name: string;
  /** How long it may take, after a release went back, until the cluster is what Git asks for. */
  readonly syncSeconds: number;
}

/** What a run does with Argo CD. Nothing of it throws for what Argo CD or the API server do: it is told, with what to do. */
export interface ArgoCd {
  /** Keeps Argo CD from putting back what the run is about to change; once for a run. */
  readonly hold: () => Promise<void>;
  /** Lets it sync again, where this or an earlier run has kept it from that. */
  readonly letGo: () => Promise<void>;
  /** Has it look at Git now: by itself it does so every few minutes. */
  readonly refresh: () => Promise<void>;
  /** Whether this or an earlier run keeps it from syncing. */
  readonly isHeld: () => Promise<boolean>;
  /** Waits until the cluster is what Git asks for now, and looks whether that is so. @returns whether it is */
  readonly follow: (wanted: Wanted) => Promise<boolean>;
  readonly close: () => void;
}

/** What is to be in the cluster. */
export interface Wanted {
  /** The commit that asks for it. */
  readonly commit: string;
  /** Commits before it, which ask for what was rejected. */
  readonly rejecting: readonly string[];
  /** Templates of all Rollouts at that commit. */
  readonly templates: Asked;
  /** Member → the revision that its active Service must select, or that must be stable where none selects one: of a canary. */
  readonly live: ReadonlyMap<string, { readonly service?: string; readonly hash: string }>;
}

/** What a run has at hand. */
export interface Run {
  readonly release: string;
  readonly epoch: number;
  readonly say: Say;
  /** The live objects of the release. */
  readonly view: Pick<View, 'objects' | 'changed'>;
  readonly signal?: AbortSignal | undefined;
}

const NONE: Application = { apiVersion: '', kind: '', metadata: { name: '' } };

/** How long the controller and the view have, once Argo CD has applied everything, in milliseconds. */
const LIVE_WITHIN = 30_000;

/** `cluster` is for the objects of Argo CD's namespace. */
export function newArgoCd(cluster: Cluster, ref: ApplicationRef, run: Run): ArgoCd {
  const { say, signal, view } = run;
  const { name, namespace } = ref;
  const data = { application: `${namespace}/${name}` };
  let followed: Promise<Followed> | undefined;
  let isHolding = false;
  const application = () => {
    followed ??= follow(cluster, name);
    return followed;
  };

  /** Does something with the Application; what fails is told, with what to do about it. */
  async function attempt<T>(what: string, act: (a: Followed) => Promise<T>, ...next: string[]): Promise<T | undefined> {
    try {
      return await act(await application());
    } catch (error) {
      if (!(error instanceof ClusterError)) throw error;
      followed = undefined;
      say('ARGO_CD_FAILED', `${what}: ${error.message}`, { data });
      for (const step of next) say('NEXT', step);
      return undefined;
    }
  }

  async function hold(): Promise<void> {
    if (isHolding) return;
    const since = cluster.now().toISOString();
    const held = await attempt('keep Argo CD from putting back what is taken back', (a) =>
      suspend(a, { release: run.release, epoch: run.epoch, since }, signal),
    );
    if (held === undefined) return;
    isHolding = true;
    if (held === 'unconfirmed') {
      say(
        'ARGO_CD_FAILED',
        `automated sync of ${name} is suspended, but Argo CD did not show that it knows: going on`,
        { data },
      );
    } else if (held === 'suspended') {
      say('ARGO_CD', `automated sync of Application ${name} is suspended until Git asks for the same again`, { data });
    }
  }

  async function letGo(): Promise<void> {
    const next = isHolding
      ? [`let Argo CD sync again, once Git asks for what shall run: ${letGoByHand({ name, namespace })}`]
      : [];
    const restored = await attempt('see whether Argo CD was kept from syncing', restore, ...next);
    if (restored) say('ARGO_CD', `automated sync of Application ${name} is restored`, { data });
    isHolding = false;
  }

  async function followTo(wanted: Wanted): Promise<boolean> {
    const isAt = await attempt(
      'follow the Application',
      (a) => bringTo(a, wanted),
      `look yourself: kubectl -n ${namespace} get application ${name}`,
    );
    return isAt === true && (await isLive(wanted));
  }

  async function bringTo(a: Followed, { commit, rejecting }: Wanted): Promise<boolean> {
    const short = commit.slice(0, 10);
    const within = ref.syncSeconds * 1000;
    const startedAt = cluster.now().getTime();
    const left = () => startedAt + within - cluster.now().getTime();
    const seen = a.seen();
    if (!seen) throw new ClusterError('not-found', `there is no Application ${name} in ${namespace}`);
    const isSuspended = suspensionOf(seen) !== undefined;
    await a.patch(annotate(seen, { [REFRESH]: 'normal' }));
    // Argo CD works on no newer commit while it still tries the one that was rejected.
    const isRejected = (revision: string | undefined) => revision !== undefined && rejecting.includes(revision);
    await endSync(a, isRejected, signal);
    // Only when it has compared with the new commit: before, it would sync the one that it knows.
    const hasCompared = await a.until(
      ({ status, ...rest }) =>
        status?.sync?.revision !== undefined && !isRejected(status.sync.revision) && !isRefreshing({ status, ...rest }),
      left(),
      signal,
    );
    if (hasCompared && isSuspended) await letGo();
    const now = a.seen();
    if (hasCompared && now && !isAutomated(now) && now.status?.sync?.status !== 'Synced') {
      say('NEXT', `Application ${name} does not sync by itself: sync it to ${short}, e.g. argocd app sync ${name}`);
      return false;
    }
    const isSynced =
      hasCompared &&
      (await a.until(
        (x) =>
          x.status?.sync?.status === 'Synced' && !isRejected(x.status.sync.revision) && !isBusy(x) && !isRefreshing(x),
        left(),
        signal,
      ));
    const words = describeApplication(a.seen() ?? seen);
    if (isSynced) say('ARGO_CD', `${words}: it has synced what Git asks for`, { data: { ...data, commit } });
    else {
      const why = signal?.aborted ? 'stopped by a signal' : `not within ${ref.syncSeconds} s`;
      say('ARGO_CD_FAILED', `Argo CD has not synced ${short} (${why}): ${words}`, { data: { ...data, commit } });
      say('NEXT', `see what keeps Argo CD: kubectl -n ${namespace} describe application ${name}`);
    }
    return isSynced;
  }

  /** Looks whether what runs is what Git asks for: Argo CD compares specs, which say nothing about where traffic goes. */
  async function isLive(wanted: Wanted): Promise<boolean> {
    const deadline = cluster.now().getTime() + LIVE_WITHIN;
    for (;;) {
      const changed = view.changed();
      const problems = differencesFrom(wanted, view.objects.rollouts, view.objects.services);
      if (problems.length === 0) {
        say('ARGO_CD', 'Git and cluster are the same: every template, and every active Service on its revision', {
          data,
        });
        return true;
      }
      const left = deadline - cluster.now().getTime();
      if (left <= 0 || signal?.aborted) {
        say('ARGO_CD_FAILED', `Git and cluster are not the same: ${problems.join('; ')}`, { data });
        return false;
      }
      const over = new AbortController();
      await Promise.race([changed, cluster.sleep(left, over.signal)]);
      over.abort();
    }
  }

  return {
    hold,
    letGo,
    async refresh() {
      await attempt('have Argo CD look at Git', async (a) => {
        const seen = a.seen();
        if (seen && !isRefreshing(seen)) await a.patch(annotate(seen, { [REFRESH]: 'normal' }));
      });
    },
    isHeld: async () =>
      (await attempt('look at the Application', async (a) => suspensionOf(a.seen() ?? NONE) !== undefined)) === true,
    follow: followTo,
    close: () =>
      void followed?.then(
        (a) => a.close(),
        () => {},
      ),
  };
}

/** Where the cluster is not what Git asks for, in words. */
export function differencesFrom(
  { templates, live }: Pick<Wanted, 'templates' | 'live'>,
  rollouts: ReadonlyMap<string, Rollout>,
  services: ReadonlyMap<string, Service>,
): string[] {
  const ofTemplates = [...templates].flatMap(([name, wanted]) => {
    const rollout = rollouts.get(name);
    const path = rollout ? difference(rollout.spec.template, wanted) : 'the Rollout';
    return path === undefined ? [] : [`${name}: ${path} is not what Git asks for`];
  });
  const ofServices = [...live].flatMap(([name, { service, hash }]) => {
    if (service === undefined) {
      const stable = rollouts.get(name)?.status?.stableRS;
      return stable === hash ? [] : [`${name}: revision ${stable ?? 'none'} is stable and not ${hash}`];
    }
    const selected = services.get(service)?.spec.selector?.[POD_HASH];
    return selected === hash
      ? []
      : [`${name}: Service ${service} selects ${selected ?? 'no revision'} and not ${hash}`];
  });
  return [...ofTemplates, ...ofServices];
}
