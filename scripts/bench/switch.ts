import { setTimeout as pause } from 'node:timers/promises';
import { asRevision, withEndlessCheck, withStrategy } from '../../e2e/support/edits.ts';
import { removeFolders } from '../../e2e/support/folder.ts';
import { kubectl } from '../../e2e/support/kubectl.ts';
import { carryOut, isPhase, isStage, type Promotion, promote } from '../../e2e/support/promoter.ts';
import { apply, prepareNamespace, renderRelease } from '../../e2e/support/release.ts';
import { connect, loadKubeconfig } from '../../promotion/cluster/kubernetes.ts';
import type { KubeObject } from '../../promotion/cluster/objects.ts';
import { openView } from '../../promotion/cluster/view.ts';
import type { Outcome } from '../../promotion/core/journal.ts';
import type { RunEvent } from '../../promotion/report/events.ts';
import { images } from '../../testbed/images.ts';
import { type Say, until } from '../../testbed/run.ts';
import { MODES, type Request, startLoad } from './load.ts';
import { type Figure, measured } from './results.ts';
import {
  afterglow,
  isWrong,
  otherPods,
  READ_BACK,
  SEEN,
  stillAnswers,
  watchSightings,
  wrongAfter,
} from './sightings.ts';

// Releases of real pods under load: which requests fail, and which are answered by the wrong version, in every phase of a release.

export interface SwitchOptions {
  /** How many requests each phase gets at least, in each mode. */
  readonly requests: number;
  /** To both members together, in each mode. */
  readonly perSecond: number;
  /** How long pods that are not needed any more stay up, in seconds: their end is part of the phase. */
  readonly delay: number;
  readonly say: Say;
}

const NAMESPACE = 'bench-switch';
const MEMBERS = ['backend', 'web'] as const;

/** What befalls a release, each with what the traffic does until all is at rest again. */
export const PHASES = [
  'prepare',
  'switch',
  'settle',
  'abort before the switch',
  'abort after the switch',
  'rollback',
] as const;
type Phase = (typeof PHASES)[number];

/** How long the load goes on once all is at rest, in milliseconds. */
const AFTERWARDS = 3000;
/** For how long a set is live before it is aborted after its switch, in milliseconds. */
const LIVE = 4000;

/** Inside a testbed of kind node. */
export async function underLoad({ requests: wanted, perSecond, delay, say }: SwitchOptions): Promise<Figure[]> {
  const config = loadKubeconfig({});
  const view = await openView(connect(config, NAMESPACE), SEEN);
  const tags = new Map(Object.entries(await images()).map(([name, reference]) => [reference, name.split(':').at(-1)]));
  const release = (version: Version, ...edits: ((object: KubeObject) => KubeObject)[]) => {
    const all = [withStrategy({ scaleDownDelaySeconds: delay, abortScaleDownDelaySeconds: delay }), ...edits];
    const edit = (object: KubeObject) => all.reduce((changed, change) => change(changed), object);
    return renderRelease({ namespace: NAMESPACE, backend: version, web: version, edit });
  };
  const atRest = async () => {
    await until('no pods but the live ones', 120, () => {
      const others = MEMBERS.flatMap((member) => otherPods(view, member));
      if (others.length > 0) throw new Error(others.join(', '));
      return true;
    });
    await pause(AFTERWARDS);
  };

  await prepareNamespace(NAMESPACE);
  let load: Awaited<ReturnType<typeof startLoad>> | undefined;
  const watching = watchSightings(view, MEMBERS, (image) => versionOf(tags.get(image) ?? ''));
  try {
    await live(await release('v1'));
    for (const { member, host, port, path } of targets())
      await until(`${member} to answer`, 120, async () => (await fetch(`http://${host}:${port}${path}`)).ok);
    await pause(AFTERWARDS);
    load = await startLoad(targets(), perSecond / MEMBERS.length);
    const { requests } = load;
    const begun: { readonly phase: Phase | undefined; readonly at: number }[] = [];
    const phase = (name: Phase | undefined) => begun.push({ phase: name, at: Date.now() });
    const phaseOf = ({ start }: Request) => begun.findLast(({ at }) => at <= start)?.phase;
    const enough = () =>
      PHASES.every((name) =>
        MODES.every((mode) => requests.filter((r) => r.mode === mode && phaseOf(r) === name).length >= wanted),
      );
    let old: Version = 'v1';
    for (let round = 1; !enough(); round += 1) {
      const next: Version = old === 'v1' ? 'v2' : 'v1';
      const revision = (what: string) => asRevision(`${what}-${round}`);
      say(`switch: round ${round}, ${requests.length} requests so far`);

      phase('prepare');
      const going = await release(next, revision('settled'));
      await apply(going);
      expectEnd(
        await promote(going, [], (event) => {
          if (isPhase(event, 'switching')) phase('switch');
          if (isPhase(event, 'settling')) phase('settle');
        }),
        'promoted',
      );
      await atRest();

      phase(undefined);
      const taken = await release(old, revision('rolled-back'));
      await live(taken);
      phase('rollback');
      expectEnd(await carryOut('rollback', taken), 'restored');
      await atRest();

      phase(undefined);
      const prepared = await release(old, revision('prepared'), withEndlessCheck(NAMESPACE, 'before-switch'));
      const up = new Set<string>();
      await aborted(prepared, (event) => {
        if (isStage(event, 'prepared')) up.add(event.member ?? '');
        if (up.size < MEMBERS.length) return undefined;
        phase('abort before the switch');
        return 0;
      });
      await atRest();

      phase(undefined);
      const switched = await release(old, revision('switched'), withEndlessCheck(NAMESPACE, 'after-switch'));
      await aborted(switched, (event) => {
        if (!isPhase(event, 'verifying')) return undefined;
        phase('abort after the switch');
        return LIVE;
      });
      await atRest();
      phase(undefined);
      old = next;
    }
    await load.stop();
    return figures(requests, phaseOf, watching.sightings);
  } finally {
    await load?.stop();
    watching.stop();
    view.close();
    await kubectl(['delete', 'namespace', NAMESPACE, '--wait=false']);
    await removeFolders();
  }
}

type Version = 'v1' | 'v2';

/** The version that a tag's stand-in reports: `2.0.0` for `v2`. */
const versionOf = (tag: string) => `${tag.slice(1)}.0.0`;

async function live(folder: string): Promise<void> {
  await apply(folder);
  // The first version needs no promotion, and may be up before it is asked for one.
  expectEnd(await promote(folder), 'promoted', 'unchanged');
}

/** Promotes a release and aborts it so many milliseconds after the first event for which `when` says a number. */
async function aborted(folder: string, when: (event: RunEvent) => number | undefined): Promise<void> {
  await apply(folder);
  let abort: Promise<Promotion> | undefined;
  // It is shut out by whoever aborts, and says so in its own way.
  const { events } = await promote(folder, [], (event) => {
    const delay = abort ? undefined : when(event);
    if (delay !== undefined) abort = pause(delay).then(() => carryOut('abort', folder));
  });
  if (!abort) throw new Error(`never got so far as to be aborted: ${events.at(-1)?.message}`);
  expectEnd(await abort, 'restored');
}

function expectEnd({ result, events, stderr }: Promotion, ...outcomes: readonly Outcome[]): void {
  if (!result || !outcomes.includes(result.outcome))
    throw new Error(`ended as ${result?.outcome}, not ${outcomes.join(' or ')}: ${events.at(-1)?.message ?? stderr}`);
}

const targets = () => {
  const host = (member: string) => `${member}.${NAMESPACE}.svc.cluster.local`;
  return [
    { member: 'backend', host: host('backend'), port: 3001, path: '/api/health', version: /"version":"([^"]+)"/ },
    { member: 'web', host: host('web'), port: 3000, path: '/', version: /name="version" content="([^"]+)"/ },
  ];
};

function figures(
  requests: readonly Request[],
  phaseOf: (request: Request) => Phase | undefined,
  sightings: ReturnType<typeof watchSightings>['sightings'],
): Figure[] {
  const byPhase = PHASES.flatMap((at) =>
    MODES.flatMap((who): Figure[] => {
      const sent = requests.filter((request) => request.mode === who && phaseOf(request) === at);
      const failed = sent.filter((request) => request.failed !== undefined);
      const reasons = [...new Set(failed.map((request) => request.failed))];
      return [
        { what: 'failed requests', at, who, count: failed.length, of: sent.length },
        ...reasons.map((reason) => ({
          what: `failed: ${reason}`,
          at,
          who,
          count: failed.filter((request) => request.failed === reason).length,
          of: sent.length,
        })),
        ...READ_BACK.map((by) => ({
          what: wrongAfter(by),
          at,
          who,
          count: sent.filter((request) => isWrong(request, sightings[by])).length,
          of: sent.length,
        })),
      ];
    }),
  );
  const late = READ_BACK.flatMap((by) =>
    MODES.flatMap((who): Figure[] => {
      const own = requests.filter(({ mode }) => mode === who);
      const values = afterglow(own, sightings[by]);
      const name = { what: stillAnswers(by), at: 'each switch', who };
      return values.length > 0 ? [measured(name, 'ms', values)] : [];
    }),
  );
  return [...byPhase, ...late];
}
