import type { Phase } from '../core/journal.ts';
import type { Faults } from '../simulation/connection.ts';
import type { Scheduler } from '../simulation/scheduler.ts';
import type { VersionBehaviour } from '../simulation/world.ts';
import type { Guarantee } from './broken.ts';
import type { Disturbance } from './disturb.ts';
import type { Ending } from './play.ts';
import type { Rehearsed } from './release.ts';

/** The seed's chance. */
type Chance = Pick<Scheduler, 'random' | 'between'>;

/** What a release needs when nothing befalls it: where faults are aimed at. */
export interface Course {
  readonly requests: number;
}

/** Something that befalls a release, and what the contract guarantees then. */
export interface Case {
  readonly what: string;
  readonly guarantee: (ending: Ending) => Guarantee;
  /** How the new version of that member behaves. */
  readonly behaviour?: { readonly member: string; readonly is: VersionBehaviour };
  readonly disturbances?: (chance: Chance) => readonly Disturbance[];
  readonly runs?: (chance: Chance, course: Course) => readonly Faults[];
}

/** An event of the contract; without a case, these manifests have nothing that it could befall. */
export interface Row {
  readonly event: string;
  readonly cases: (release: Rehearsed) => readonly Case[];
}

/** Longer than any deadline, in milliseconds. */
const NEVER = 1e12;
const VERBS = { Failed: 'fails', Error: 'errs', Inconclusive: 'is inconclusive' } as const;

/** What comes after the decision to settle comes too late to be a part of this release. */
const backUnlessDecided = ({ disturbedIn }: Ending): Guarantee =>
  disturbedIn === undefined ? 'promoted' : disturbedIn === 'settling' ? 'disturbed' : 'back';

/** The events of docs/contract.md that can be played with anybody's manifests. */
export const ROWS: readonly Row[] = [
  { event: 'everything is well', cases: () => [{ what: 'a good release', guarantee: () => 'promoted' }] },
  {
    event: 'pods never get ready',
    cases: ({ members }) =>
      members.map(({ name }) => bad(name, `the pods of ${name} never get ready`, { readyAfter: NEVER })),
  },
  ...(['Failed', 'Error', 'Inconclusive'] as const).map((before) => ({
    event: `analysis before the switch ${VERBS[before]}`,
    cases: ({ members }: Rehearsed) =>
      members
        .filter((member) => member.judgedBefore)
        .map(({ name }) =>
          bad(name, `the analysis of ${name} before the switch ${VERBS[before]}`, { analysis: { before } }),
        ),
  })),
  {
    event: 'analysis after the switch fails',
    cases: ({ members }) =>
      members
        .filter((member) => member.judgedAfter)
        .map(({ name }) =>
          bad(name, `the analysis of ${name} after the switch fails`, { analysis: { after: 'Failed' } }),
        ),
  },
  {
    event: 'a health check fails',
    cases: ({ checks }) =>
      checks.flatMap(({ name, when, member }) =>
        member === undefined
          ? []
          : [
              bad(member, `health check ${name} fails, which ${member} answers`, {
                health: when === 'before-switch' ? { preview: false } : { active: false },
              }),
            ],
      ),
  },
  {
    event: 'a query measures badly, or nothing',
    cases: ({ plan }) =>
      plan.policy.queries.flatMap(({ name, whenEmpty }) =>
        (['bad', 'nothing'] as const)
          .filter((measured) => measured === 'bad' || whenEmpty !== 'pass')
          .map((measured) =>
            bad(plan.members[0]?.name ?? '', `query ${name} measures ${measured}`, { health: { measured } }),
          ),
      ),
  },
  {
    event: 'Ctrl-C',
    cases: ({ plan }) =>
      (['preparing', 'switching', 'verifying'] as const).map((phase) => ({
        what: `Ctrl-C while ${phase}`,
        guarantee: ({ disturbedIn }) => (disturbedIn ? 'back' : 'promoted'),
        disturbances: inPhase('interrupt', phase, plan.members[0]?.name ?? ''),
      })),
  },
  {
    event: 'kill -9, and run again',
    cases: () => [
      {
        what: 'killed at one request after another, and started again each time',
        guarantee: () => 'whole',
        runs: ({ random, between }, { requests }) => [
          ...Array.from({ length: between(1, 3) }, () => ({
            dies: { at: between(1, requests), served: random() < 0.5 },
          })),
          {},
        ],
      },
    ],
  },
  {
    event: 'kill -9 while verifying, and nobody comes back',
    cases: ({ members, plan }) =>
      members.some(({ hold }) => hold === 0)
        ? []
        : [
            {
              what: 'killed while every member is held, and never started again',
              guarantee: ({ disturbedIn }) => (disturbedIn ? 'back' : 'promoted'),
              disturbances: inPhase('kill', 'verifying', plan.members[0]?.name ?? ''),
            },
          ],
  },
  {
    event: 'a run stands still, another goes on',
    cases: () => [
      {
        what: 'a run that stands still for a while and then wakes up beside the next one',
        guarantee: () => 'whole',
        runs: ({ between }, { requests }) => [
          { freezes: { at: between(1, requests), for: between(20, 90) * 1000 } },
          {},
        ],
      },
    ],
  },
  {
    event: 'a newer version is applied',
    cases: ({ members }) =>
      members.map(({ name }) => ({
        what: `a newer version of ${name} is applied`,
        guarantee: backUnlessDecided,
        disturbances: inSomePhase('newer-apply', name),
      })),
  },
  {
    event: 'somebody aborts a member',
    cases: ({ members }) =>
      members.map(({ name }) => ({
        what: `somebody aborts ${name}`,
        guarantee: backUnlessDecided,
        disturbances: inSomePhase('operator-abort', name),
      })),
  },
  {
    event: 'API errors, lost answers, dropped watches',
    cases: () => [
      {
        what: 'requests fail, answers get lost, watches end, all of them slow',
        guarantee: () => 'whole',
        runs: ({ random, between }) => [
          { failing: random() * 0.1, dropping: random() * 0.02, latency: between(8, 300) },
        ],
      },
    ],
  },
];

function bad(member: string, what: string, is: VersionBehaviour): Case {
  return { what, guarantee: () => 'rejected', behaviour: { member, is } };
}

function inPhase(what: Disturbance['what'], phase: Phase, member: string) {
  return ({ between }: Chance) => [{ what, member, at: { phase, after: between(0, 2000) } }];
}

function inSomePhase(what: Disturbance['what'], member: string) {
  return (chance: Chance) => {
    const phases = ['preparing', 'switching', 'verifying', 'settling'] as const;
    return inPhase(what, phases[chance.between(0, 3)] as Phase, member)(chance);
  };
}
