import { play, scenarioOf } from '../../test/campaign/scenario.ts';
import { manifests, run, worldWith } from '../../test/promotion/simulated.ts';
import { divergences } from '../../test/traces/compare.ts';
import { scenarios } from '../../test/traces/scenarios.ts';
import { playSimulated } from '../../test/traces/simulated.ts';
import { readTrace } from '../../test/traces/trace.ts';
import { type Figure, newSamples } from './results.ts';

export interface SimulationOptions {
  /** How often each quantity is measured. */
  readonly n: number;
  /** With how many seeds each recorded trace is replayed. */
  readonly seeds: number;
  /** How many releases of the fault campaign are timed together. */
  readonly batch: number;
}

const who = 'simulation';

/** How long a release takes in virtual time that is to be simulated in less than 100 ms: 30 minutes, in milliseconds. */
const LONG = 30 * 60_000;

export async function simulation({ n, seeds, batch }: SimulationOptions): Promise<Figure[]> {
  const samples = newSamples();
  // What is compiled while it runs for the first time is in no figure.
  await releases(1, batch);
  await longRelease(1);
  for (let at = 0; at < n; at += 1) {
    const runs = await releases(1 + at * batch, batch);
    samples.add({ what: 'releases of the fault campaign', at: '1 to 8 members', who }, 'runs/s', runs);
    samples.add({ what: 'a release of 30 minutes', at: '2 members', who }, 'ms', await longRelease(at));
  }
  return [...samples.figures(), await replayed(seeds)];
}

/** How many releases of the fault campaign are played in a second. */
async function releases(first: number, count: number): Promise<number> {
  const start = performance.now();
  for (let seed = first; seed < first + count; seed += 1) {
    const { violations } = await play(scenarioOf(seed));
    if (violations.length > 0) throw new Error(`seed ${seed}: ${violations[0]}`);
  }
  return (1000 * count) / (performance.now() - start);
}

/** Milliseconds of a release whose analysis after the switch takes half an hour. */
async function longRelease(seed: number): Promise<number> {
  const minutes = { interval: '60s', count: LONG / 60_000, failureLimit: 0 };
  const hold = { interval: '60s', count: 2 * minutes.count + 2, failureLimit: 2 * minutes.count };
  const lengthened = (version: string) =>
    manifests(version, { policy: { timeouts: { verifySeconds: (2 * LONG) / 1000 } } }).map((object) => {
      if (object.kind !== 'AnalysisTemplate' || !object.metadata.name.endsWith('-post')) return object;
      return {
        ...object,
        spec: {
          metrics: [
            { name: 'health', ...minutes },
            { name: 'hold', ...hold },
          ],
        },
      };
    });
  const world = await worldWith({}, { seed });
  const objects = lengthened('v2');
  const start = performance.now();
  world.apply(objects);
  const { outcome, durationMs } = await run(world, objects);
  const milliseconds = performance.now() - start;
  if (outcome !== 'promoted' || durationMs < LONG - 60_000)
    throw new Error(`the long release ended as ${outcome} after ${durationMs / 1000} s of virtual time`);
  return milliseconds;
}

/** How many replays of recorded traces differ from what the real controller did. */
async function replayed(seeds: number): Promise<Figure> {
  let [count, of] = [0, 0];
  for (const scenario of scenarios.filter(({ notModelled }) => !notModelled)) {
    const { steps } = await readTrace(scenario);
    for (let seed = 1; seed <= seeds; seed += 1) {
      of += 1;
      if (divergences(steps, await playSimulated(scenario, seed)).length > 0) count += 1;
    }
  }
  return { what: 'replays that diverge from the recorded trace', at: `${seeds} seeds`, who, count, of };
}
