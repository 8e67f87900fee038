import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TraceStep } from './play.ts';
import type { Scenario } from './scenario.ts';

/** What the real controller did in a scenario. */
export interface Trace {
  readonly scenario: string;
  /** What it was recorded from, e.g. `v1.9.1`. */
  readonly argoRollouts: string;
  readonly kubernetes: string;
  readonly steps: readonly TraceStep[];
}

const fileOf = (scenario: Scenario) =>
  join(import.meta.dirname, 'recorded', `${scenario.name.replaceAll(/[^a-z0-9]+/gi, '-')}.json`);

export async function readTrace(scenario: Scenario): Promise<Trace> {
  return JSON.parse(await readFile(fileOf(scenario), 'utf8')) as Trace;
}

/** Writes a trace; one line a field, so that a difference is one in the diff, too. */
export async function writeTrace(scenario: Scenario, trace: Omit<Trace, 'scenario'>): Promise<void> {
  const steps = trace.steps.map(({ given, changes }) => {
    const lines = Object.entries(changes).map(
      ([field, values]) => `        ${JSON.stringify(field)}: ${inline(values)}`,
    );
    return `    {\n      "given": ${JSON.stringify(given)},\n      "changes": {${lines.length > 0 ? `\n${lines.join(',\n')}\n      ` : ''}}\n    }`;
  });
  const head = { scenario: scenario.name, argoRollouts: trace.argoRollouts, kubernetes: trace.kubernetes };
  const fields = Object.entries(head).map(([field, value]) => `  "${field}": ${JSON.stringify(value)}`);
  await writeFile(fileOf(scenario), `{\n${fields.join(',\n')},\n  "steps": [\n${steps.join(',\n')}\n  ]\n}\n`);
}

const inline = (values: readonly string[]): string => `[${values.map((value) => JSON.stringify(value)).join(', ')}]`;

/** The version of Argo Rollouts that testbeds run. */
export async function controllerVersion(): Promise<string> {
  const modules = await readFile(join(import.meta.dirname, '../../testbed/go.mod'), 'utf8');
  const version = /github\.com\/argoproj\/argo-rollouts (v\S+)/.exec(modules)?.[1];
  if (!version) throw new Error('testbed/go.mod names no version of Argo Rollouts');
  return version;
}
