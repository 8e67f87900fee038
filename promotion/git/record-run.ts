import type { Ask, Outcome } from '../core/journal.ts';
import type { Plan } from '../plan/plan.ts';
import type { Emit } from '../report/events.ts';
import { sayTo } from '../run/say.ts';
import type { Act } from './chain.ts';
import { imagesOf, recordActs } from './record.ts';
import type { Patience } from './remote.ts';
import { endWords, nextOf } from './tell.ts';

/** What a run does not know of itself. */
export interface About extends Pick<Act, 'by' | 'from'> {
  readonly time: Date;
  /** Why it went on in a freeze, if it did. */
  readonly breakGlass?: string | undefined;
}

/** Nobody waits long for a record: the release is over. */
const PATIENCE: Partial<Patience> = { unreachable: 1, silence: 30_000 };

/**
 * Records how a run ended in the repository that its policy names, and says so; does nothing where it names none. Never throws,
 * and is never another outcome: what cannot be recorded is a warning.
 */
export async function recordRun(plan: Plan, ask: Ask, outcome: Outcome, about: About, emit: Emit): Promise<void> {
  const { git, release, version = '' } = plan.policy;
  if (!git) return;
  const say = sayTo(emit, () => new Date());
  const { by, from, breakGlass } = about;
  const act: Act = {
    time: about.time.toISOString(),
    action: ask,
    overlay: release,
    version,
    images: imagesOf(plan),
    outcome,
    by,
    from,
  };
  const override: Act[] = breakGlass
    ? [{ ...act, action: 'freeze-override', outcome: 'overridden', reason: breakGlass }]
    : [];
  try {
    const recorded = await recordActs(git, [...override, act], { patience: PATIENCE });
    if (!recorded) return;
    const { end, target } = recorded;
    const words = endWords(end, target);
    if (end.outcome === 'nothing-to-do') return;
    if (end.outcome === 'pushed') say('RECORDED', `recorded: ${words}`, { data: end });
    else say('RECORD_FAILED', `not recorded: ${words}`, { data: { outcome: end.outcome } });
    const next = nextOf(end);
    if (next) say('NEXT', next);
  } catch (error) {
    say('RECORD_FAILED', `not recorded: ${(error as Error).message}`, { data: { outcome: 'failed' } });
  }
}
