import type { ReplicaSet } from '../../promotion/cluster/objects.ts';
import { broken, type Guarantee } from '../../promotion/rehearsal/broken.ts';
import type { Disturbance } from '../../promotion/rehearsal/disturb.ts';
import * as rehearsal from '../../promotion/rehearsal/play.ts';
import type { Version } from '../../promotion/rehearsal/versions.ts';
import type { Emit, Result } from '../../promotion/report/events.ts';
import type { Faults } from '../../promotion/simulation/connection.ts';
import { newScheduler } from '../../promotion/simulation/scheduler.ts';
import type { VersionBehaviour } from '../../promotion/simulation/world.ts';
import { type ManifestOptions, manifests } from '../promotion/simulated.ts';

/** One release with everything that befalls it; made from a seed, and played the same way each time. */
export interface Scenario {
  readonly seed: number;
  readonly options: ManifestOptions;
  readonly behaviours: Readonly<Record<string, VersionBehaviour>>;
  /** What others do, so many milliseconds after the release was applied. */
  readonly disturbances: readonly Disturbance[];
  /** The faults of each run; after a run that died the next begins, the last has none. */
  readonly runs: readonly Faults[];
}

/** A time that does not come while a scenario is played, in milliseconds. */
const NEVER = 1e12;

const NAMES = ['backend', 'web', 'worker', 'mailer', 'search', 'billing', 'reports', 'gateway'];

/** A scenario of the campaign, from its seed alone. */
export function scenarioOf(seed: number): Scenario {
  const { random, between } = newScheduler(seed, 0);
  const chance = (share: number) => random() < share;
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
  const count = chance(0.6) ? 2 : between(1, 8);
  const members = NAMES.slice(0, count).map((name) => ({ name, order: between(0, 2) * 10, replicas: between(1, 3) }));
  const someone = () => pick(members).name;
  const bad: VersionBehaviour[] = [
    { readyAfter: NEVER },
    { analysis: { before: 'Failed' } },
    { analysis: { before: 'Error' } },
    { analysis: { before: 'Inconclusive' } },
    { analysis: { after: 'Failed' } },
    { analysis: { after: 'Error' } },
    { analysis: { after: 'Inconclusive' } },
    { health: { active: false } },
    { trouble: { what: 'Error', after: between(0, 20_000), for: 1000 } },
    { trouble: { what: 'OOMKilled', after: between(0, 20_000), for: 1000 } },
    { trouble: { what: 'flap', after: between(0, 20_000), for: between(500, 60_000) } },
  ];
  const behaviours: Record<string, VersionBehaviour> = {};
  for (const { name } of members) behaviours[`${name}:v2`] = { readyAfter: between(200, 8000) };
  if (chance(0.5)) behaviours[`${someone()}:v2`] = pick(bad);
  const disturbances = chance(0.4)
    ? Array.from({ length: between(1, 3) }, () => ({
        at: between(0, 40_000),
        what: pick<Disturbance['what']>([
          'newer-apply',
          'operator-promote',
          'operator-abort',
          'operator-retry',
          'pod-lost',
          'pod-lost',
          'pod-back',
        ]),
        member: someone(),
      }))
    : [];
  const network: Faults = chance(0.3)
    ? { failing: random() * 0.1, dropping: random() * 0.02, latency: between(8, 300) }
    : {};
  const kills = chance(0.5) ? between(1, 3) : 0;
  const runs: Faults[] = Array.from({ length: kills }, () =>
    chance(0.2)
      ? { ...network, freezes: { at: between(7, 120), for: between(20, 90) * 1000 } }
      : { ...network, dies: { at: between(1, 160), served: chance(0.5) } },
  );
  const autoscaled = members.map((member) => (chance(0.3) ? { ...member, autoscaled: member.replicas + 2 } : member));
  const load = autoscaled.flatMap((member): Disturbance[] =>
    'autoscaled' in member && chance(0.6) ? [{ at: between(0, 40_000), what: 'load', member: member.name }] : [],
  );
  const options: ManifestOptions = {
    members: autoscaled,
    hold: chance(0.85) ? between(40, 150) : 0,
    abortScaleDownDelaySeconds: pick([30, 300, 600]),
    policy: {
      healthChecks: [{ name: 'answers', target: { service: someone(), port: 80, path: '/' } }],
      timeouts: { prepareSeconds: 120, switchSeconds: 30, verifySeconds: 90, settleSeconds: 30, returnSeconds: 60 },
    },
  };
  // Drawn last, so that everything else of a seed stays what it was without canaries.
  const canaries = chance(0.5) ? 0.5 : 0;
  const withCanaries = autoscaled.map((member) => ({ ...member, canary: chance(canaries) }));
  const routed = withCanaries.map(({ canary, ...member }) => ({
    ...member,
    canary: canary && chance(0.5) ? ('routed' as const) : canary,
  }));
  return {
    seed,
    options: { ...options, members: routed },
    behaviours,
    disturbances: [...disturbances, ...load],
    runs: [...runs, network],
  };
}

/** What a scenario must end with: more than a whole set where nothing but the release itself decides. */
function guaranteeOf({ options, behaviours, disturbances, runs }: Scenario): Guarantee {
  if (disturbances.some(({ what }) => what !== 'load')) return 'disturbed';
  const isCalm = runs.every((faults) => Object.keys(faults).length === 0);
  const asked = options.policy?.healthChecks?.flatMap(({ target }) => ('service' in target ? target.service : []));
  const all = Object.entries(behaviours);
  // The active Service of a canary with a router leads to the old version until all is decided.
  const isRouted = (image: string) =>
    options.members?.some(({ canary, name }) => canary === 'routed' && image === `${name}:v2`);
  const isBad = all.some(
    ([image, { readyAfter = 0, analysis, health }]) =>
      readyAfter === NEVER ||
      analysis ||
      (health?.active === false && !isRouted(image) && asked?.includes(image.replace(':v2', ''))),
  );
  if (isBad) return isCalm ? 'rejected' : 'back';
  // A crash or a flap may come too late to count.
  return isCalm && !all.some(([, { trouble }]) => trouble) ? 'promoted' : 'whole';
}

/** Plays a scenario to its end and checks what was promised. */
export async function play(scenario: Scenario, emit: Emit = () => {}): Promise<rehearsal.Ending & { result: Result }> {
  const { seed, options, behaviours, disturbances, runs } = scenario;
  const { result, ...ending } = await rehearsal.play(
    {
      seed,
      manifests: { old: manifests('v1', options), new: manifests('v2', options), newer: manifests('v3', options) },
      versionOf,
      behaviourOf: (set) => behaviours[imageOf(set)] ?? {},
      disturbances,
      runs,
      afterwards: 400_000,
    },
    emit,
  );
  if (!result) throw new Error('the last run ended without a result');
  const ended = { ...ending, result };
  return { ...ended, violations: broken(ended, guaranteeOf(scenario)) };
}

const VERSIONS: Readonly<Record<string, Version>> = { v1: 'old', v2: 'new', v3: 'newer' };

function versionOf(set: ReplicaSet): Version | undefined {
  return VERSIONS[imageOf(set).split(':')[1] ?? ''];
}

function imageOf(set: ReplicaSet): string {
  return set.spec.template?.spec?.containers?.[0]?.image ?? '';
}
