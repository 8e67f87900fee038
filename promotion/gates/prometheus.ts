import { z } from 'zod';
import type { HttpAnswer, HttpTarget } from '../cluster/port.ts';
import type { Query } from '../plan/policy.ts';
import type { Finding } from './finding.ts';
import { jsonIn } from './json.ts';

/** A sample of the HTTP API: when it was evaluated, in seconds since 1970, and its value as text. */
const sample = z.tuple([z.number(), z.string()]);
/** What `/api/v1/query` answers, as far as a verdict needs it; `warnings` tell of data that is missing. */
const answerSchema = z.looseObject({
  status: z.string(),
  error: z.string().optional(),
  warnings: z.array(z.string()).nullish(),
  data: z.looseObject({ resultType: z.string(), result: z.unknown() }).optional(),
});
const vectorSchema = z.array(
  z.looseObject({ metric: z.record(z.string(), z.string()).optional(), value: sample.optional() }),
);

/** How Prometheus writes a number; `Number` would take an empty text for 0. */
const NUMBER = /^[-+]?(\d+(\.\d*)?|\.\d+)(e[-+]?\d+)?$/i;

/** The instant query of that text, at the Prometheus behind `target`. */
export function queryTarget(target: Query['target'], text: string): HttpTarget {
  const path = `/api/v1/query?query=${encodeURIComponent(text)}`;
  return 'url' in target ? { url: target.url.replace(/\/$/, '') + path } : { ...target, path: target.path + path };
}

/** Compares an answer's one value with the query's threshold. `now` is in milliseconds since 1970. */
export function judgeQuery(query: Query, answer: HttpAnswer, now: number): Finding {
  const { below, above, maxAgeSeconds, whenEmpty } = query;
  const read = valueIn(answer);
  if ('problem' in read) return unknown(read.problem);
  if (read.value === undefined) return { verdict: whenEmpty, reason: 'no series' };
  const old = ageProblem(read.at, now, maxAgeSeconds);
  if (old) return unknown(`the answer ${old}`);
  const isGood = below === undefined ? read.value > (above ?? Number.NaN) : read.value < below;
  const wanted = below === undefined ? `above ${above}` : `below ${below}`;
  return { verdict: isGood ? 'pass' : 'fail', reason: `${read.value}, ${wanted} is wanted` };
}

/** Whether the answer to `newest` shows that what the query rests on is still measured; `pass` if so, else unknown. */
export function judgeNewest({ maxAgeSeconds }: Query, answer: HttpAnswer, now: number): Finding {
  const read = valueIn(answer);
  if ('problem' in read) return unknown(`its newest sample: ${read.problem}`);
  if (read.value === undefined) return unknown('its newest sample: no series, nothing measures this any more');
  const old = ageProblem(read.at, now, maxAgeSeconds) ?? ageProblem(read.value, now, maxAgeSeconds);
  return old ? unknown(`its newest sample ${old}`) : { verdict: 'pass', reason: 'fresh' };
}

function unknown(reason: string): Finding {
  return { verdict: 'unknown', reason };
}

type Read = { readonly problem: string } | { readonly value?: number; readonly at: number };

/** The one value of an instant query, finite; no value when there is no series. */
function valueIn({ status, body }: HttpAnswer): Read {
  const json = jsonIn(body);
  if (json === undefined)
    return { problem: `status ${status} and no JSON: ${JSON.stringify(body.slice(0, 80))}: is this Prometheus?` };
  const parsed = answerSchema.safeParse(json);
  if (!parsed.success) return { problem: `status ${status} and not an answer of Prometheus` };
  const { data, error, warnings } = parsed.data;
  if (status !== 200 || parsed.data.status !== 'success')
    return { problem: `Prometheus refused it (status ${status}): ${(error ?? 'without a word').slice(0, 200)}` };
  if (warnings?.length) return { problem: `Prometheus warns: ${warnings.join('; ').slice(0, 200)}` };
  if (data?.resultType !== 'vector')
    return { problem: `the result is of type ${data?.resultType ?? 'none'}: a query must give one series` };
  const vector = vectorSchema.safeParse(data.result);
  if (!vector.success) return { problem: 'the result is not that of an instant query' };
  const [first, ...others] = vector.data;
  if (!first) return { at: Number.NaN };
  if (others.length > 0) {
    const names = vector.data.slice(0, 5).map(({ metric }) => JSON.stringify(metric ?? {}));
    const more = vector.data.length > 5 ? ` and ${vector.data.length - 5} more` : '';
    return { problem: `${vector.data.length} series instead of one: ${names.join(', ')}${more}` };
  }
  if (!first.value) return { problem: 'the series has no single value (is it a histogram?)' };
  const [at, text] = first.value;
  if (!NUMBER.test(text) || !Number.isFinite(Number(text))) return { problem: `the value is ${text || 'empty'}` };
  return { value: Number(text), at };
}

/** What is wrong with a time in seconds since 1970: too long ago or, by a wrong clock, ahead. */
function ageProblem(at: number, now: number, maxAgeSeconds: number): string | undefined {
  const age = now / 1000 - at;
  if (Math.abs(age) <= maxAgeSeconds) return undefined;
  const seconds = Math.round(Math.abs(age));
  return age > 0
    ? `is ${seconds} s old, at most ${maxAgeSeconds} s is fresh`
    : `is ${seconds} s ahead of the cluster's clock, which cannot be`;
}
