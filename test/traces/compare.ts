import type { TraceStep } from './play.ts';

/**
 * Fields whose way to rest is a matter of timing: pods come one by one or together, an analysis is over before anybody
 * looks, a phase lasts for one pass, a Rollout is seen before its Services. Of these one
 * side may skip values that the other takes, but neither takes them in another order or ends elsewhere.
 */
const PASSING = /^(phase|observed|believed|invalid|status\.(pre|post|step)|run .*)$/;
/** Phases that count pods, and so come and go with each of them. */
const COUNTING = /more replicas need to be updated|updated replicas are still becoming available/;

/**
 * How a model's trace differs from the recorded one; one line a difference, none if it agrees. It agrees if
 * - the same steps end at rest with the same value of every field, and
 * - in every step, every field takes the same values in the same order, but for what passing fields may skip.
 */
export function divergences(recorded: readonly TraceStep[], model: readonly TraceStep[]): string[] {
  const found: string[] = [];
  const rest: { recorded: Record<string, string>; model: Record<string, string> } = { recorded: {}, model: {} };
  for (const [i, step] of recorded.entries()) {
    const other = model[i]?.changes ?? {};
    const where = `step ${i + 1} (${step.given})`;
    if (model[i]?.given !== step.given) found.push(`${where}: the scenario is another one now; record it again`);
    for (const field of [...new Set([...Object.keys(step.changes), ...Object.keys(other)])].sort()) {
      const real = step.changes[field] ?? [];
      const modelled = other[field] ?? [];
      const before = { real: rest.recorded[field] ?? '', model: rest.model[field] ?? '' };
      rest.recorded[field] = real.at(-1) ?? before.real;
      rest.model[field] = modelled.at(-1) ?? before.model;
      const agrees =
        rest.recorded[field] === rest.model[field] &&
        (PASSING.test(field)
          ? skipsAtMost(lasting(real), lasting(modelled))
          : onTheWay(field, before.real, real).join() === onTheWay(field, before.model, modelled).join());
      if (!agrees)
        found.push(`${where}: ${field}: real ${way(before.real, real)}, model ${way(before.model, modelled)}`);
    }
  }
  return found;
}

/** Numbers of pods that rise or fall step by step: only where they turn counts, for who is ready first is luck. */
const PODS = /^set . (replicas|available)$/;

/** The values of a field, but for those that numbers of pods only pass. */
function onTheWay(field: string, before: string, values: readonly string[]): readonly string[] {
  if (!PODS.test(field)) return values;
  const all = [before, ...values].map(Number);
  return values.filter((_, i) => {
    const [last, here, next] = [all[i], all[i + 1], all[i + 2]] as [number, number, number | undefined];
    return next === undefined || Number.isNaN(last + here + next) || here - last > 0 !== next - here > 0;
  });
}

const way = (before: string, values: readonly string[]): string =>
  [before, ...values].map((value) => value || '-').join(' → ');

const lasting = (values: readonly string[]) =>
  values.filter((value, i) => i === values.length - 1 || !COUNTING.test(value));

/** Whether one of the two only skips what the other takes. */
const skipsAtMost = (a: readonly string[], b: readonly string[]) => isWithin(a, b) || isWithin(b, a);

/** Whether all of `part` come in `whole`, in their order. */
function isWithin(part: readonly string[], whole: readonly string[]): boolean {
  let at = 0;
  for (const value of whole) if (value === part[at]) at += 1;
  return at === part.length;
}
