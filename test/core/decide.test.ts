import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type AnalysisRun, POD_HASH } from '../../promotion/cluster/objects.ts';
import type { Cluster } from '../../promotion/cluster/port.ts';
import { judgeAnalysis } from '../../promotion/core/analysis.ts';
import { type Action, type Decision, decide, interrupt, newJournal } from '../../promotion/core/decide.ts';
import { epochOf, targetOf } from '../../promotion/core/fence.ts';
import type { Journal, Phase } from '../../promotion/core/journal.ts';
import { postAnalysisOf } from '../../promotion/core/member.ts';
import type { Observation } from '../../promotion/core/observation.ts';
import { ownedBy } from '../../promotion/core/observation.ts';
import { autoscalersOf, pinOf } from '../../promotion/core/pin.ts';
import { riddanceProblem, servingProblem } from '../../promotion/core/serving.ts';
import type { Plan } from '../../promotion/plan/plan.ts';
import { openRecord, readRecord } from '../../promotion/run/record.ts';
import {
  EPOCH,
  frozen,
  histories,
  journalsOf,
  type Moment,
  noises,
  oftenNone,
  PROPERTY_RUNS,
  plans,
  statesOf,
} from './arbitrary.ts';
import { NOW, observationOf } from './state.ts';

interface Step {
  readonly plan: Plan;
  readonly before: Journal;
  readonly o: Observation;
  readonly now: number;
  readonly decision: Decision;
}

/** The decisions of a release over time, each with the journal of the one before. */
function decisionsOf(plan: Plan, moments: readonly Moment[], first?: Journal): Step[] {
  let before = first ?? newJournal(moments[0]?.now ?? NOW);
  return moments.map(({ state, listedAt, now }) => {
    const o = observationOf(state, listedAt);
    const decision = decide(plan, o, before, now, EPOCH);
    const step = { plan, before, o, now, decision };
    before = frozen(decision.journal);
    return step;
  });
}

interface Question {
  readonly plan: Plan;
  readonly moments: readonly Moment[];
  readonly first?: Journal;
}

/** Both ways to get somewhere: with a journal that decisions have led to, and with any that a run might find. */
const questions: fc.Arbitrary<Question> = fc.oneof(
  histories(oftenNone),
  plans.chain((plan) =>
    fc.record({
      plan: fc.constant(plan),
      first: journalsOf(plan),
      moments: statesOf(plan, oftenNone).map((state) => [{ state, listedAt: NOW - 1000, now: NOW }]),
    }),
  ),
);

/** Made once, because making them takes longer than deciding; whoever changes one throws. */
const QUESTIONS = fc.sample(questions, { numRuns: PROPERTY_RUNS, seed: 20260101 }).map(frozen);

function holds(property: (step: Step) => void): void {
  for (const { plan, moments, first } of QUESTIONS) decisionsOf(plan, moments, first).forEach(property);
}

/** A run that only holds has nothing to say; any other has to pass. */
function afterSwitch(run: AnalysisRun | undefined, hold: string): string {
  const metrics = run?.spec.metrics ?? [];
  return metrics.length > 0 && metrics.every(({ name }) => name === hold) ? 'pass' : judgeAnalysis(run, hold).verdict;
}

const of = <A extends Action['act']>(decision: Decision, act: A) =>
  decision.actions.filter((action): action is Extract<Action, { act: A }> => action.act === act);

const NEXT: Readonly<Record<Phase, readonly Phase[]>> = {
  preparing: ['switching', 'over', 'returning'],
  switching: ['verifying', 'returning'],
  verifying: ['settling', 'returning'],
  settling: ['over', 'returning'],
  returning: ['over'],
  over: [],
};

function leadsTo(from: Phase, to: Phase): boolean {
  return from === to || NEXT[from].some((phase) => leadsTo(phase, to));
}

describe('a decision', () => {
  // The rarest is met once in a thousand questions.
  it.skipIf(PROPERTY_RUNS < 3000)(
    'is asked for here in every phase, and answered with every act and outcome that a decision can have',
    () => {
      const [phases, acts, outcomes] = [new Set<string>(), new Set<string>(), new Set<string>()];
      holds(({ before, decision: { journal, actions } }) => {
        phases.add(`${before.phase} to ${journal.phase}`);
        for (const { act } of actions) acts.add(act);
        if (before.phase !== 'over' && journal.outcome) outcomes.add(journal.outcome);
      });
      const ways = Object.entries(NEXT).flatMap(([from, all]) => [...all, from].map((to) => `${from} to ${to}`));
      expect(ways.filter((way) => !phases.has(way))).toEqual([]);
      const asked =
        'claim forget-run retry promote promote-full abort end-hold point-service restore-template pin unpin refill retire nudge check refresh';
      expect([...acts].sort()).toEqual(asked.split(' ').sort());
      const ends = 'promoted unchanged restored usage refused rolled-back stuck superseded interrupted';
      expect([...outcomes].sort()).toEqual(ends.split(' ').sort());
    },
  );

  it('pins every write to what was judged: the live object, its revision, and what the journal says of it', () => {
    holds(({ o, decision: { actions, journal, views } }) => {
      for (const action of actions) {
        if (!('member' in action) || action.act === 'claim') continue;
        const entry = journal.members[action.member];
        const rollout = o.rollouts.get(action.member);
        const current = rollout?.status?.currentPodHash;
        const target = targetOf(action);
        if (
          action.act === 'end-hold' ||
          action.act === 'retire' ||
          action.act === 'refill' ||
          action.act === 'forget-run'
        ) {
          const object = target && o[target.kind].get(target.name);
          expect(action.uid).toBe(object?.metadata.uid ?? '');
          expect(object && ownedBy(object, rollout?.metadata.uid)).toBe(true);
        } else if (action.act === 'pin' || action.act === 'unpin') {
          const { uid, resourceVersion } = o.autoscalers.get(action.name)?.metadata ?? {};
          expect([action.uid, action.resourceVersion]).toEqual([uid, resourceVersion]);
        } else if (action.act !== 'point-service' && action.act !== 'collect') {
          expect([action.act, entry?.uid]).toEqual([action.act, action.uid]);
        }
        switch (action.act) {
          case 'promote':
            expect(action).toMatchObject({ hash: current, generation: rollout?.metadata.generation });
            expect(action.hash).toBe(journal.phase === 'returning' ? entry?.from : entry?.to);
            break;
          case 'promote-full':
            expect([action.hash, current, journal.phase]).toEqual([entry?.from, entry?.from, 'returning']);
            break;
          case 'refill':
            expect(o.replicaSets.get(action.replicaSet)?.metadata.labels?.[POD_HASH]).toBe(entry?.from);
            break;
          case 'restore-template':
            expect(action.hash).toBe(current);
            if (journal.ask !== 'rollback') expect([action.hash, journal.phase]).toEqual([entry?.to, 'returning']);
            break;
          case 'abort':
            expect([action.hash, journal.phase]).toEqual([entry?.to, 'returning']);
            expect(current).toBe(entry?.to);
            break;
          case 'retry':
            expect([action.hash, journal.phase]).toEqual([current, 'preparing']);
            break;
          case 'end-hold':
            expect(action.hash).toBe(current);
            expect(o.analysisRuns.get(action.run)?.metadata.labels?.[POD_HASH]).toBe(current);
            break;
          case 'point-service': {
            const view = views.find((v) => v.member.name === action.member);
            expect(action).toMatchObject({ service: view?.member.activeService, hash: entry?.from });
            expect(action.resourceVersion).toBe(o.services.get(action.service)?.metadata.resourceVersion ?? '');
            break;
          }
        }
      }
    });
  });

  it('promotes only a member that is prepared, and the first only when all were ready on a fresh listing', () => {
    holds(({ before, o, now, decision }) => {
      const { journal, views } = decision;
      for (const { member } of of(decision, 'promote')) {
        expect(['switching', 'returning']).toContain(journal.phase);
        if (journal.phase === 'switching') expect(views.find((v) => v.member.name === member)?.stage).toBe('prepared');
      }
      if (before.phase !== 'preparing' || !['switching', 'verifying', 'settling'].includes(journal.phase)) return;
      for (const { stage } of views) expect(['prepared', 'switching', 'held', 'settled']).toContain(stage);
      expect(before.preparedAt).toBeDefined();
      expect(before.preparedAt).toBeLessThanOrEqual(now);
      expect(o.listedAt).toBeGreaterThanOrEqual(before.preparedAt ?? Number.POSITIVE_INFINITY);
    });
  });

  it('promotes a higher order only when every lower one is live', () => {
    holds(({ decision }) => {
      if (decision.journal.phase !== 'switching') return;
      const orderOf = (name: string) => decision.views.find((v) => v.member.name === name)?.member.order ?? 0;
      for (const { member } of of(decision, 'promote'))
        for (const view of decision.views)
          if (view.member.order < orderOf(member)) expect(['held', 'settled']).toContain(view.stage);
    });
  });

  it('ends a hold only after it was decided to settle, which needs every member live and every verdict a pass', () => {
    holds(({ plan, before, o, decision }) => {
      const { journal, views } = decision;
      for (const { member, hash } of of(decision, 'end-hold')) {
        if (journal.phase === 'settling') continue;
        // Of the old revision, which is live again and only has to become stable.
        const view = views.find((v) => v.member.name === member);
        expect([journal.phase, hash, view?.active]).toEqual(['returning', journal.members[member]?.from, hash]);
      }
      if (journal.phase !== 'settling' || before.phase === 'settling') return;
      for (const view of views) {
        expect(['held', 'settled']).toContain(view.stage);
        const entry = journal.members[view.member.name];
        if (entry?.from !== undefined && !entry.unchanged)
          expect(afterSwitch(postAnalysisOf(view, o), plan.policy.holdMetric)).toBe('pass');
      }
      for (const check of plan.policy.healthChecks.filter((c) => c.when === 'after-switch'))
        expect(o.checks.get(check.name)?.verdict).toBe('pass');
    });
  });

  it('writes only what this run has claimed, and claims nothing of a later run', () => {
    holds(({ o, decision: { actions } }) => {
      for (const action of actions) {
        const target = targetOf(action);
        const number = target && epochOf(o[target.kind].get(target.name));
        if (action.act === 'claim') expect([action.from, action.epoch]).toEqual([number, EPOCH]);
        if (action.act === 'claim') expect(action.from).toBeLessThan(EPOCH);
        else if (target) expect(number).toBe(EPOCH);
      }
    });
  });

  it('touches no Rollout whose active Service has lost its hash', () => {
    holds(({ decision: { actions, views } }) => {
      const unguarded = views.filter((v) => v.stage === 'unguarded').map((v) => v.member.name);
      for (const action of actions) {
        const target = targetOf(action);
        if (target?.kind === 'rollouts') expect(unguarded).not.toContain(target.name);
      }
    });
  });

  it('says promoted only of a set that is live and stable, and unchanged only of one that it found so', () => {
    holds(({ before, decision: { journal, views, actions } }) => {
      if (journal.phase === 'over') expect(actions).toEqual([]);
      if (before.phase === 'over' || (journal.outcome !== 'promoted' && journal.outcome !== 'unchanged')) return;
      for (const { stage } of views) expect(stage).toBe('settled');
      if (journal.outcome === 'unchanged')
        for (const { member } of views) expect(journal.members[member.name]?.unchanged).toBe(true);
    });
  });

  it('says that the set is back only when its traffic is', () => {
    holds(({ before, o, decision: { journal, views } }) => {
      if (before.phase === 'over' || before.phase === 'settling') return;
      if (!['refused', 'rolled-back', 'superseded', 'restored'].includes(journal.outcome ?? '')) return;
      // A rollback that went through the gates ends where it went to.
      if (journal.outcome === 'restored' && before.phase !== 'returning') return;
      for (const view of views) {
        const entry = journal.members[view.member.name];
        if (!entry?.from || entry.unchanged || !view.rollout || view.rollout.metadata.uid !== entry.uid) continue;
        // A newer revision that was never judged stays where it is; what was not switched was not to be brought back.
        if (!entry.switched && journal.cause?.code === 'superseded') continue;
        expect(view.active).toBe(entry.from);
        // The share of a newer canary is its own release's.
        const isNewer = view.member.canary && ![entry.from, entry.to].includes(view.current);
        const problem =
          isNewer && entry.to ? riddanceProblem(o, view.member, entry.to) : servingProblem(o, view.member, entry.from);
        expect(problem).toBeUndefined();
      }
    });
  });

  it('moves from phase to phase only as the diagram of a release says', () => {
    holds(({ before, decision: { journal } }) => {
      expect([before.phase, journal.phase, leadsTo(before.phase, journal.phase)]).toEqual([
        before.phase,
        journal.phase,
        true,
      ]);
      if (journal.phase !== before.phase && journal.phase === 'returning') expect(journal.cause).toBeDefined();
      expect(journal.outcome !== undefined || journal.phase !== 'over' || before.phase === 'over').toBe(true);
    });
  });

  it('is over only when every autoscaler has its bounds back, or could not have them for 30 s', () => {
    holds(({ plan, before, o, now, decision: { journal } }) => {
      if (before.phase === 'over' || journal.phase !== 'over' || journal.outcome === 'usage') return;
      if (now - (before.closingSince ?? now) >= 30_000) return;
      expect(
        plan.members
          .flatMap(({ name }) => autoscalersOf(name, o))
          .filter((a) => pinOf(a) && a.metadata.uid && a.metadata.resourceVersion),
      ).toEqual([]);
    });
  });

  it('is the same for the same question, leaves the question alone, and never asks to be woken in the past', () => {
    holds(({ plan, before, o, now, decision }) => {
      // The objects themselves are frozen; what holds them are maps, which cannot be.
      const held = Object.values(o).flatMap((part) => (part instanceof Map ? [...part].flat() : [part]));
      expect(decide(plan, o, before, now, EPOCH)).toEqual(decision);
      const after = Object.values(o).flatMap((part) => (part instanceof Map ? [...part].flat() : [part]));
      expect(after.length === held.length && after.every((part, i) => part === held[i])).toBe(true);
      if (decision.wakeAt !== undefined) expect(decision.wakeAt).toBeGreaterThan(now);
    });
  });

  it('is the same after its own journal, while nothing has changed', () => {
    holds(({ plan, o, now, decision }) => {
      // A retry that was asked for is not asked for again: it must have shown by the next look.
      if (of(decision, 'retry').length > 0 || o.listedAt === now) return;
      const again = decide(plan, o, decision.journal, now, EPOCH);
      expect(again.journal).toEqual(decision.journal);
      expect(again.actions).toEqual(decision.actions);
    });
  });

  it('learns a member once: its uid, its hashes and that it was switched are never taken back', () => {
    holds(({ before, decision: { journal } }) => {
      for (const [name, known] of Object.entries(before.members)) {
        const now = journal.members[name];
        expect(now?.uid).toBe(known.uid);
        if (known.to) expect(now).toMatchObject({ to: known.to });
        if (known.to) expect(now?.from).toBe(known.from);
        if (known.switched) expect(now?.switched).toBe(true);
        expect(now?.asked).toMatchObject(known.asked);
      }
    });
  });

  it('does not throw whatever fields the cluster leaves out or garbles', () => {
    fc.assert(
      fc.property(histories(fc.array(noises, { maxLength: 5 }).map((all) => all.flat())), ({ plan, moments }) => {
        decisionsOf(plan, moments);
      }),
      { numRuns: 150, seed: 7 },
    );
  });
});

describe('a signal', () => {
  it('sends a release back until it is decided that it stays, and changes nothing after that', () => {
    fc.assert(
      fc.property(plans.chain(journalsOf), (journal) => {
        const after = interrupt(journal, NOW);
        if (['preparing', 'switching', 'verifying'].includes(journal.phase))
          expect(after).toMatchObject({ phase: 'returning', since: NOW, cause: { code: 'interrupted' } });
        else expect(after).toBe(journal);
      }),
    );
  });
});

describe('a journal that was written down and read back', () => {
  it('decides as the one in memory, but has the set judged on a fresh listing once more', async () => {
    await fc.assert(
      fc.asyncProperty(
        plans.chain((plan) => fc.tuple(fc.constant(plan), journalsOf(plan), statesOf(plan, noises))),
        async ([plan, journal, state]) => {
          const read = await readBack(plan, journal);
          if (journal.phase === 'over') {
            expect(read).toBeUndefined();
            return;
          }
          const { preparedAt: _, ...lasting } = journal;
          expect(read).toEqual(lasting);
          const o = observationOf(state);
          expect(decide(plan, o, read as Journal, NOW, EPOCH)).toEqual(decide(plan, o, lasting, NOW, EPOCH));
        },
      ),
      { numRuns: 60, seed: 3 },
    );
  });
});

/** Through the ConfigMap that keeps it. */
async function readBack(plan: Plan, journal: Journal): Promise<Journal | undefined> {
  let kept: object = {};
  const cluster = {
    namespace: 'shop',
    get: async () => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'journal' }, data: kept }),
    patch: async (_: unknown, __: string, patch: { path: string; value: object }[]) => {
      kept = patch.find(({ path }) => path === '/data')?.value ?? kept;
    },
  } as unknown as Cluster;
  const record = await openRecord(cluster, plan, EPOCH);
  await record.save(journal);
  return (await readRecord(cluster, plan)).left?.journal;
}
