import { describe, expect, it } from 'vitest';
import { readDraft } from '../../promotion/plan/folder.ts';
import { planOf } from '../../promotion/plan/plan.ts';
import { findingsOf } from '../../promotion/rehearsal/findings.ts';
import { newRehearsal, type RowVerdict } from '../../promotion/rehearsal/rehearse.ts';
import { ROWS } from '../../promotion/rehearsal/rows.ts';
import type { RunEvent } from '../../promotion/report/events.ts';
import { type ManifestOptions, manifests } from './simulated.ts';

const POLICY = { healthChecks: [{ name: 'answers', target: { service: 'web', port: 80, path: '/' } }] };

function rehearsalOf(options: ManifestOptions, change: (object: object) => void = () => {}) {
  const objects = structuredClone(manifests('v2', options));
  objects.forEach(change);
  return newRehearsal(planOf(objects), objects);
}

async function verdictsOf(rehearsal: Awaited<ReturnType<typeof newRehearsal>>, runs = 2): Promise<RowVerdict[]> {
  const rows: RowVerdict[] = [];
  await rehearsal.playAll(runs, (row) => rows.push(row));
  return rows;
}

describe('a rehearsal', { timeout: 60_000 }, () => {
  it.each(['production', 'staging'])(
    'of what %s renders shows that every event of the contract holds',
    async (name) => {
      const { plan, objects } = await readDraft(`dist/${name}`);
      const rows = await verdictsOf(await newRehearsal(plan, objects), 1);
      expect(rows.filter(({ verdict }) => verdict !== 'holds')).toEqual([]);
      expect(rows.length).toBeGreaterThan(10);
    },
  );

  it('finds what does not hold: a hold that is over before the analysis beside it', async () => {
    const rehearsal = await rehearsalOf({ hold: 1 });
    const well = await rehearsal.playSeed(1, () => {});
    expect(well).toMatchObject({ event: 'everything is well', state: 'backend is old, web is old' });
    expect(well?.broken).toEqual([expect.stringMatching(/not every member is live/)]);
  });

  it('plays a seed again exactly as it was', async () => {
    const rehearsal = await rehearsalOf({ policy: POLICY });
    const story = async (seed: number) => {
      const events: RunEvent[] = [];
      const verdict = await rehearsal.playSeed(seed, (event) => events.push(event));
      return { verdict, events };
    };
    for (let seed = 1; seed <= 2 * ROWS.length; seed += 3) {
      const [once, twice] = [await story(seed), await story(seed)];
      if (!once.verdict) continue; // nothing in these manifests that it could befall
      expect(once.events.length).toBeGreaterThan(3);
      expect(twice).toEqual(once);
    }
  });

  it('says what manifests leave unguarded, and does not claim that it holds', async () => {
    const rehearsal = await rehearsalOf({ hold: 0 }, (object) => {
      const { blueGreen } =
        (object as { spec?: { strategy?: { blueGreen?: Record<string, unknown> } } }).spec?.strategy ?? {};
      if (!blueGreen) return;
      delete blueGreen.prePromotionAnalysis;
      delete blueGreen.postPromotionAnalysis;
      blueGreen.scaleDownDelaySeconds = 30;
    });
    const findings = findingsOf(rehearsal.release);
    for (const said of [
      /no analysis before the switch/,
      /neither an analysis/,
      /no hold after/,
      /scaleDownDelaySeconds/,
    ])
      expect(findings).toContainEqual(expect.stringMatching(said));
    const rows = await verdictsOf(rehearsal, 1);
    const notPlayed = rows.filter(({ verdict }) => verdict === 'not-played').map(({ event }) => event);
    expect(notPlayed).toContain('kill -9 while verifying, and nobody comes back');
    expect(notPlayed).toContain('analysis before the switch fails');
    // The promoter refuses what it could not take back, so not even a good version goes live.
    expect(rows.find(({ event }) => event === 'everything is well')).toMatchObject({ verdict: 'broken' });
  });
});
