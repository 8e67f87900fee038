import { scenarios } from './scenarios.ts';
import { readTrace, type Trace } from './trace.ts';

/** docs/traces.md: every recorded scenario with what was seen at its end. */
export async function documentOf(): Promise<string> {
  const traces = await Promise.all(scenarios.map(readTrace));
  const [first] = traces;
  const rows = traces.map((trace, i) => {
    const given = trace.steps.map((step) => step.given).filter(Boolean);
    const mark = scenarios[i]?.notModelled ? ' (not modelled)' : '';
    const end = scenarios[i]?.canary ? endOfCanary(trace) : endOf(trace);
    return `| ${trace.scenario}${mark} | ${given.join('; ')} | ${end} |`;
  });
  return `# What the real controller was seen to do

Made by \`npm run traces\` from \`test/traces/\`. Recorded from Argo Rollouts ${first?.argoRollouts} on Kubernetes
${first?.kubernetes}: one Rollout of two pods with analysis before and after the switch, \`autoPromotionEnabled: false\` and delays of
300 s unless the name says otherwise; a canary is of four pods, by the steps 25 %, analysis, pause, 50 %, analysis; a routed one has its
first pod without traffic until the pause is over. The last column is what it came to rest at: the version that the active Service
selects and the one that is stable, the phase, and what else stands out. The whole way is in \`test/traces/recorded/\`;
\`test/traces/replay.test.ts\` holds the simulation to it.

| scenario | given | seen in the end |
| --- | --- | --- |
${rows.join('\n')}
`;
}

function factsOf({ steps }: Trace): Record<string, string | undefined> {
  const facts: Record<string, string | undefined> = {};
  for (const { changes } of steps)
    for (const [field, values] of Object.entries(changes)) facts[field] = values.at(-1) ?? '';
  return facts;
}

function endOfCanary(trace: Trace): string {
  const facts = factsOf(trace);
  const pods = ['A', 'B', 'C'].flatMap((version) => {
    const available = facts[`set ${version} available`] ?? '0';
    return available === '0' ? [] : [`${available} of ${version}`];
  });
  return [
    `pods ${pods.join(', ') || 'none'}, stable ${facts.stable || 'none'}`,
    facts.phase,
    facts.step && `step ${facts.step}`,
    facts.weight && `weight ${facts.weight}`,
  ]
    .filter(Boolean)
    .join('; ');
}

function endOf(trace: Trace): string {
  const facts = factsOf(trace);
  const live = facts.active && facts.active !== 'deleted' ? facts.active : undefined;
  const serving = live && facts[`set ${live} available`];
  return [
    `active ${live ?? 'without a hash'}, stable ${facts.stable || 'none'}`,
    facts.phase,
    live && (!serving || serving === '0') && '**no pod serves**',
    facts.current !== facts.stable && live === facts.current && 'not settled',
    facts.current === facts.stable && live !== facts.stable && '**traffic is not on the stable version**',
    facts.phase?.startsWith('Healthy') && facts.abort && 'says that it is aborted',
    facts.promoteFull && 'promoteFull stays',
  ]
    .filter(Boolean)
    .join('; ');
}
