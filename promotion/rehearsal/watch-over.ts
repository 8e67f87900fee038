import {
  type AnalysisRun,
  POD_HASH,
  type ReplicaSet,
  type Rollout,
  type Service,
  STEP_INDEX,
} from '../cluster/objects.ts';
import { judgeAnalysis } from '../core/analysis.ts';
import { liveRevision } from '../core/canary.ts';
import { epochOf } from '../core/fence.ts';
import type { Member } from '../plan/plan.ts';
import type { World } from '../simulation/world.ts';
import type { Scene } from './disturb.ts';
import type { Version } from './versions.ts';

/**
 * Looks at every change of the cluster for what must never happen: unjudged revisions live, a member live before one of a
 * lower order was, two runs at once.
 */
export function watchOver(
  world: World,
  members: readonly Member[],
  versionOf: (set: ReplicaSet) => Version | undefined,
) {
  const violations: string[] = [];
  const operated = new Set<string>();
  const pastItsGates = new Set<string>();
  const switched = new Set<string>();
  const epochs = new Map<string, number>();
  const say = (text: string) => violations.push(`${new Date(world.scheduler.now()).toISOString()} ${text}`);
  const before = new Map(members.map((member) => [member.name, liveVersion(member)]));

  function liveVersion(member: Member): Version | undefined {
    const set = world.api.get<ReplicaSet>('replicasets', `${member.name}-${liveHash(world, member)}`);
    return set && versionOf(set);
  }

  /** A newer version has nothing wrong with it here, and no hold before somebody promotes it. */
  function lookForAbort({ metadata: { name }, status = {} }: Rollout): void {
    const set = world.api.get<ReplicaSet>('replicasets', `${name}-${status.currentPodHash}`);
    if (status.abort && set && versionOf(set) === 'newer' && !operated.has(name))
      say(`${name}: the newer version was aborted, which is another release's to judge`);
  }

  const onOperator: Scene['onOperator'] = (member, what) => {
    operated.add(member);
    if (what === 'past its gates') pastItsGates.add(member);
  };

  world.api.listen((plural, { type, object }) => {
    if (type === 'DELETED') return;
    const key = `${plural} ${object.metadata.name} ${object.metadata.uid}`;
    const epoch = epochOf(object);
    // ReplicaSets get their annotations from the Rollout, which the controller may have seen late.
    if (plural !== 'replicasets' && epoch < (epochs.get(key) ?? 0))
      say(`run ${epoch} wrote ${key} after run ${epochs.get(key)} had taken it over`);
    epochs.set(key, Math.max(epoch, epochs.get(key) ?? 0));
    if (plural === 'rollouts') lookForAbort(object as Rollout);
    const member = members.find(({ activeService, canary, name }) =>
      canary
        ? plural === 'rollouts' && name === object.metadata.name
        : plural === 'services' && activeService === object.metadata.name,
    );
    if (!member) return;
    const { name, order, analysedBefore } = member;
    const version = liveVersion(member);
    if (version === before.get(name)) return;
    before.set(name, version);
    if (version === 'new') switched.add(name);
    if (pastItsGates.has(name)) return;
    for (const lower of members) {
      if (version === 'new' && lower.order < order && !switched.has(lower.name))
        say(`${name} of order ${order} went live before ${lower.name} of order ${lower.order}`);
    }
    if (version === 'newer') say(`${name} went live on a newer version, which was never judged`);
    const hasPassed = () => analysesBefore(world, member).some((run) => judgeAnalysis(run).verdict === 'pass');
    if (version === 'new' && analysedBefore && !hasPassed())
      say(`${name} went live without having passed its analysis`);
  });
  return { violations, onOperator };
}

/** The pod-template hash that a member's active Service selects; of a canary the one that the traffic is given to. */
export function liveHash(world: World, { activeService, canary, name }: Member): string | undefined {
  const rollout = canary && world.api.get<Rollout>('rollouts', name);
  if (canary) return rollout && liveRevision(canary, rollout);
  return world.api.get<Service>('services', activeService)?.spec.selector?.[POD_HASH];
}

/** The analyses that the controller made for what is live now, before its switch. */
function analysesBefore(world: World, member: Member): AnalysisRun[] {
  const hash = liveHash(world, member);
  const { promotion = 0 } = member.canary ?? {};
  return world.api
    .list<AnalysisRun>('analysisruns')
    .filter(({ metadata: { labels } }) => labels?.[POD_HASH] === hash)
    .filter(({ metadata: { labels } }) =>
      member.canary ? Number(labels?.[STEP_INDEX]) < promotion : labels?.['rollout-type'] === 'PrePromotion',
    );
}
