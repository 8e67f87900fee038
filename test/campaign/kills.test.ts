import { describe, it } from 'vitest';
import { expectPromisesKept, RUNS } from './campaign.ts';
import { play, type Scenario } from './scenario.ts';

const POLICY = {
  healthChecks: [{ name: 'answers', target: { service: 'web', port: 80, path: '/' } }],
  timeouts: { prepareSeconds: 60, switchSeconds: 30, verifySeconds: 60, settleSeconds: 30, returnSeconds: 60 },
};
const MEMBERS = [
  { name: 'backend', order: 0 },
  { name: 'web', order: 10 },
  { name: 'worker', order: 10 },
];
/** With a canary beside two blue-green members. */
const MIXED = MEMBERS.map((member) => ({ ...member, canary: member.name === 'worker' }));
const base: Scenario = {
  seed: 7,
  options: { members: MEMBERS, policy: POLICY, hold: 60 },
  behaviours: {},
  disturbances: [],
  runs: [{}],
};

/** Releases that go through every phase between them. */
const RELEASES: Readonly<Record<string, Scenario>> = {
  'a good release': base,
  'a release whose analysis before the switch fails': {
    ...base,
    behaviours: { 'web:v2': { analysis: { before: 'Failed' } } },
  },
  'a release whose analysis after the switch fails': {
    ...base,
    behaviours: { 'worker:v2': { analysis: { after: 'Failed' } } },
  },
  'a release whose health check fails': { ...base, behaviours: { 'web:v2': { health: { active: false } } } },
  'a release without holds whose last member fails': {
    ...base,
    options: { ...base.options, hold: 0 },
    behaviours: { 'worker:v2': { analysis: { after: 'Failed' } } },
  },
  'a good release with a canary': { ...base, options: { ...base.options, members: MIXED } },
  'a release whose canary fails while it is held': {
    ...base,
    options: { ...base.options, members: MIXED },
    behaviours: { 'worker:v2': { analysis: { after: 'Failed' } } },
  },
  'a release whose member without a hold fails beside a canary': {
    ...base,
    options: { ...base.options, members: MIXED, hold: 0 },
    behaviours: { 'web:v2': { analysis: { after: 'Failed' } } },
  },
  'a release that is superseded while it switches': {
    ...base,
    disturbances: [{ at: 9000, what: 'newer-apply', member: 'web' }],
  },
};

/** In CI every request, else a sample of them. */
const EVERY = RUNS >= 3_000 ? 1 : 9;

describe('the promoter killed at a request and started again from nothing but the cluster keeps its promises', () => {
  it.each(Object.entries(RELEASES))('%s', async (_, scenario) => {
    const { requests } = await play(scenario);
    const points = Array.from({ length: requests }, (_, i) => i + 1).filter((at) => at % EVERY === 0);
    await expectPromisesKept(
      points.flatMap((at) => [true, false].map((served) => ({ ...scenario, runs: [{ dies: { at, served } }, {}] }))),
    );
  });
});
