import type { Cluster } from '../cluster/port.ts';
import type { Journal, Outcome } from '../core/journal.ts';
import { replicaSetOf } from '../core/member.ts';
import type { Observation } from '../core/observation.ts';
import { templateOf } from '../core/template.ts';
import type { Plan } from '../plan/plan.ts';
import type { Companion, CompanionRun } from '../run/run.ts';
import { newArgoCd } from './argo-cd.ts';
import { bringGitBack, type Gone, type GoneMember, type Records } from './git-side.ts';

/**
 * Keeps Git, and the Argo CD that syncs from it, in step with a release; undefined where its policy names no repository.
 * @param clusterOf the cluster, for the objects of another namespace
 */
export function companionOf(
  { policy }: Plan,
  records: Records,
  clusterOf: (namespace: string) => Cluster,
): ((run: CompanionRun) => Companion) | undefined {
  const { git, release } = policy;
  if (!git) return undefined;
  const { application, mode, ...target } = git;
  return ({ say, ...run }) => {
    const argoCd = application && newArgoCd(clusterOf(application.namespace), application, { ...run, release, say });
    const options = { release, target, mode, path: `dist/${release}`, records };
    let isHolding = false;
    return {
      async begin() {
        await argoCd?.letGo();
        await argoCd?.refresh();
      },
      async hold() {
        isHolding = true;
        await argoCd?.hold();
      },
      async over(journal, outcome, plan, o) {
        const gone = goneIn(journal, outcome, plan, o);
        if (gone) {
          await bringGitBack(gone, options, argoCd, say);
          return 'seen-to';
        }
        // Where nobody knows what runs, nothing may change that by itself.
        if (isHolding && outcome !== 'stuck') await argoCd?.letGo();
        return 'not-concerned';
      },
      close: () => argoCd?.close(),
    };
  };
}

/**
 * What went back, if a release has that ended so: the members that are on the revision from before, and what they were
 * taken back from. Undefined when nothing of the release may have been rejected: it is live, it stopped before anything was
 * done, or a newer one has taken its place.
 */
export function goneIn(journal: Journal, outcome: Outcome, plan: Plan, o: Observation): Gone | undefined {
  const { ask, cause } = journal;
  const isGone =
    ask === 'promote' ? outcome === 'refused' || outcome === 'rolled-back' : ask !== 'settle' && outcome === 'restored';
  if (!isGone) return undefined;
  // A rollback through the gates is a promotion of the older revision: where it came from is what was taken back.
  const isForward = ask === 'rollback' && cause === undefined;
  const members = plan.members.flatMap((member): GoneMember[] => {
    const { uid, from, to, unchanged } = journal.members[member.name] ?? {};
    const rollout = o.rollouts.get(member.name);
    if (!from || !to || from === to || unchanged || rollout?.metadata.uid !== uid) return [];
    const [there, left] = isForward ? [to, from] : [from, to];
    const templates = [there, left].flatMap((hash) => {
      const set = rollout && replicaSetOf(o, rollout, hash);
      return set?.spec.template ? templateOf(set) : [];
    });
    const [kept, rejected] = templates;
    return kept && rejected
      ? [
          {
            name: member.name,
            ...(member.canary ? {} : { activeService: member.activeService }),
            from: there,
            rejected,
            kept,
          },
        ]
      : [];
  });
  if (members.length === 0) return undefined;
  return { cause: cause ?? { code: 'asked', message: 'a person asked for it' }, ask, members };
}
