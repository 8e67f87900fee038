import { type Decision, decide } from '../../promotion/core/decide.ts';
import type { Ask, Journal, MemberJournal, Phase } from '../../promotion/core/journal.ts';
import type { Plan } from '../../promotion/plan/plan.ts';
import { NEW, NOW, OLD, observationOf, type Place, type State, stateAt, together } from './state.ts';

/** The run that decides in these tests; every object is its own already. */
const RUN = 1;

/** A set in a phase that began ten seconds ago, each member at its place. */
export interface Moment {
  readonly plan: Plan;
  readonly phase: Phase;
  readonly at: Readonly<Record<string, Place>>;
  readonly ask?: Ask;
  readonly now?: number;
  /** What the journal says otherwise of a member. */
  readonly known?: Readonly<Record<string, Partial<MemberJournal>>>;
  readonly changed?: (state: State) => State;
}

/** When the phase of such a moment began. */
export const SINCE = NOW - 10_000;

/** What is decided at that moment. */
export function decisionAt({ plan, phase, at, ask = 'promote', now = NOW, known = {}, changed = (s) => s }: Moment) {
  const state = together(...Object.entries(at).map(([name, place]) => stateAt(place, name, RUN)));
  const members = Object.keys(at).map((name) => [
    name,
    { uid: `${name}-uid`, from: OLD, to: NEW, switched: false, unchanged: false, asked: {}, ...known[name] },
  ]);
  const journal: Journal = { ask, phase, since: SINCE, members: Object.fromEntries(members) };
  return decide(plan, observationOf(changed(state)), journal, now, RUN);
}

/** Its acts in short: what, and of which member. */
export function actsOf({ actions }: Decision): string[] {
  return actions.map((action) => ('member' in action ? `${action.act} ${action.member}` : action.act));
}
