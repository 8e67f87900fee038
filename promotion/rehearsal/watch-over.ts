import { type AnalysisRun, POD_HASH, type ReplicaSet, type Service } from '../cluster/objects.ts';
import { judgeAnalysis } from '../core/analysis.ts';
import { epochOf } from '../core/fence.ts';
import type { Member } from '../plan/plan.ts';
import type { World } from '../simulation/world.ts';
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
  const switched = new Set<string>();
  const epochs = new Map<string, number>();
  const say = (text: string) => violations.push(`${new Date(world.scheduler.now()).toISOString()} ${text}`);
  const before = new Map(members.map((member) => [member.name, liveVersion(member)]));

  function liveVersion({ name, activeService }: Member): Version | undefined {
    const set = world.api.get<ReplicaSet>('replicasets', `${name}-${activeHash(world, activeService)}`);
    return set && versionOf(set);
  }

  world.api.listen((plural, { type, object }) => {
    if (type === 'DELETED') return;
    const key = `${plural} ${object.metadata.name} ${object.metadata.uid}`;
    const epoch = epochOf(object);
    // ReplicaSets get their annotations from the Rollout, which the controller may have seen late.
    if (plural !== 'replicasets' && epoch < (epochs.get(key) ?? 0))
      say(`run ${epoch} wrote ${key} after run ${epochs.get(key)} had taken it over`);
    epochs.set(key, Math.max(epoch, epochs.get(key) ?? 0));
    const member = plural === 'services' && members.find((m) => m.activeService === object.metadata.name);
    if (!member) return;
    const { name, order, analysedBefore } = member;
    const version = liveVersion(member);
    if (version === before.get(name)) return;
    before.set(name, version);
    if (version === 'new') switched.add(name);
    if (operated.has(name)) return;
    for (const lower of members) {
      if (version === 'new' && lower.order < order && !switched.has(lower.name))
        say(`${name} of order ${order} went live before ${lower.name} of order ${lower.order}`);
    }
    if (version === 'newer') say(`${name} went live on a newer version, which was never judged`);
    const hasPassed = () =>
      analysesBefore(world, activeHash(world, member.activeService)).some(
        (run) => judgeAnalysis(run).verdict === 'pass',
      );
    if (version === 'new' && analysedBefore && !hasPassed())
      say(`${name} went live without having passed its analysis`);
  });
  return { violations, onOperator: (name: string) => operated.add(name) };
}

/** The pod-template hash that a Service selects. */
export function activeHash(world: World, service: string | undefined): string | undefined {
  return world.api.get<Service>('services', service ?? '')?.spec.selector?.[POD_HASH];
}

/** The analyses that the controller made for a revision before its switch. */
function analysesBefore(world: World, hash: string | undefined): AnalysisRun[] {
  return world.api
    .list<AnalysisRun>('analysisruns')
    .filter(({ metadata: { labels } }) => labels?.[POD_HASH] === hash && labels?.['rollout-type'] === 'PrePromotion');
}
