import { describe, expect, it } from 'vitest';
import { type Cluster, ClusterError } from '../../promotion/cluster/port.ts';
import { judgeAnalysis } from '../../promotion/core/analysis.ts';
import { decide, newJournal } from '../../promotion/core/decide.ts';
import { viewOf } from '../../promotion/core/member.ts';
import { difference } from '../../promotion/core/template.ts';
import { judgeAnswer } from '../../promotion/gates/health.ts';
import { healthCheckSchema } from '../../promotion/plan/policy.ts';
import { ask } from '../../promotion/run/check.ts';
import { memberOf, NEW, NOW, OLD, observationOf, planFor, type State, stateAt } from '../core/state.ts';
import { ANALYSIS_RUNS } from './analysis-runs.ts';
import { CONVERSATIONS, HTTP_ANSWERS, USUAL_ANSWER } from './http-answers.ts';
import { JOBS, USUAL_JOB } from './jobs.ts';
import { HELD, JUDGED, PREPARED, SETTLED } from './members.ts';
import { bothOf, type Pair } from './pair.ts';
import { TEMPLATES, USUAL_TEMPLATES } from './templates.ts';

// Degenerate evidence, each with a near-identical good one: none of the bad passes, none of the good is refused.

const named = (pairs: readonly Pair[]) => pairs.map((pair) => [pair.name, pair] as const);
const backend = memberOf('backend');
const stageOf = (state: State) => viewOf(backend, observationOf(state), undefined).stage;

describe('an AnalysisRun does not pass when', () => {
  const run = stateAt('prepared').analysisRuns[`backend-${NEW}-2-pre`];
  it.each(named(ANALYSIS_RUNS))('%s', (_, pair) => {
    const { good, bad } = bothOf(run, pair);
    expect(judgeAnalysis(good, 'hold')).toMatchObject({ verdict: 'pass', final: true });
    expect(judgeAnalysis(bad, 'hold').verdict).not.toBe('pass');
  });
});

describe('a member does not count as prepared when', () => {
  it.each(named(PREPARED))('%s', (_, pair) => {
    const { good, bad } = bothOf(stateAt('prepared'), pair);
    expect([stageOf(good), stageOf(bad)]).toEqual(['prepared', expect.not.stringMatching(/^prepared$/)]);
  });
});

describe('a member does not count as live on its new revision when', () => {
  it.each(named(HELD))('%s', (_, pair) => {
    const { good, bad } = bothOf(stateAt('held'), pair);
    expect([stageOf(good), stageOf(bad)]).toEqual(['held', expect.not.stringMatching(/^(held|settled)$/)]);
  });
});

describe('a member does not count as settled when', () => {
  it.each(named(SETTLED))('%s', (_, pair) => {
    const { good, bad } = bothOf(stateAt('settled'), pair);
    expect([stageOf(good), stageOf(bad)]).toEqual(['settled', expect.not.stringMatching(/^settled$/)]);
  });
});

describe('an HTTP answer is not good when', () => {
  it.each(named(HTTP_ANSWERS))('%s', (_, pair) => {
    const { good, bad } = bothOf(USUAL_ANSWER, pair);
    expect(judgeAnswer(good.answer, good.expect).verdict).toBe('pass');
    expect(judgeAnswer(bad.answer, bad.expect).verdict).not.toBe('pass');
  });
});

describe('a health check does not pass on', () => {
  const check = healthCheckSchema.parse({ name: 'answers', target: { url: 'http://shop/' } });
  const hear = (answers: readonly (number | 'none')[]) => {
    const left = [...answers];
    const http = async () => {
      const status = left.shift();
      if (typeof status !== 'number') throw new ClusterError('unreachable', 'no answer within 5 s');
      return { status, body: '' };
    };
    return ask(check, { http, sleep: async () => {} } as unknown as Cluster, new AbortController().signal);
  };
  it.each(CONVERSATIONS.map((c) => [c.name, c] as const))('%s', async (_, { good, bad }) => {
    expect(await hear(good)).toMatchObject({ verdict: 'pass', final: true });
    expect((await hear(bad)).verdict).not.toBe('pass');
  });
});

describe('a release does not leave its preparation when', () => {
  const phaseWith = (job: typeof USUAL_JOB) => {
    const state = { ...stateAt('prepared'), jobs: { [job.metadata.name]: job } };
    const journal = { ...newJournal(NOW - 1000), preparedAt: NOW - 500 };
    const plan = planFor([backend], {}, ['migrate']);
    return decide(plan, observationOf(state), journal, NOW, 1).journal.phase;
  };
  it.each(named(JOBS))('%s', (_, pair) => {
    const { good, bad } = bothOf(USUAL_JOB, pair);
    expect([phaseWith(good), phaseWith(bad)]).toEqual(['switching', expect.not.stringMatching(/^switching$/)]);
  });
});

describe('a set does not settle when', () => {
  const plan = planFor([backend], { healthChecks: [{ name: 'public', target: { url: 'http://shop/' } }] });
  const entry = { uid: 'backend-uid', from: OLD, to: NEW, switched: true, unchanged: false, asked: {} };
  const journal = { ...newJournal(NOW - 60_000), phase: 'verifying', members: { backend: entry } } as const;
  const usual = { ...stateAt('held'), checks: { public: { verdict: 'pass', final: true, reason: 'good' } as const } };
  const phaseWith = (state: State) => decide(plan, observationOf(state), journal, NOW, 1).journal.phase;
  it.each(named(JUDGED))('%s', (_, pair) => {
    const { good, bad } = bothOf<State>(usual, pair);
    expect([phaseWith(good), phaseWith(bad)]).toEqual(['settling', expect.not.stringMatching(/^settling$/)]);
  });
});

describe('a live pod template is not the wanted one when it has', () => {
  it.each(named(TEMPLATES))('%s', (_, pair) => {
    const { good, bad } = bothOf(USUAL_TEMPLATES, pair);
    expect(difference(good.live, good.wanted)).toBeUndefined();
    expect(difference(bad.live, bad.wanted)).toEqual(expect.any(String));
  });
});
