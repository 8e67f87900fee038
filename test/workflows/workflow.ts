import { readdirSync, readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import { type CommandLine, commandLinesOf } from '../documents/markdown.ts';
import { commandLines } from '../documents/shell.ts';

export interface Step {
  readonly name?: string;
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly 'timeout-minutes'?: number | string;
}

export interface Job {
  readonly steps?: readonly Step[];
  readonly uses?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly permissions?: unknown;
  readonly 'timeout-minutes'?: number | string;
}

export interface Workflow {
  /** Its path in the repository. */
  readonly file: string;
  readonly on: { readonly workflow_dispatch?: { readonly inputs: Readonly<Record<string, { options?: string[] }>> } };
  readonly permissions?: unknown;
  readonly jobs: Readonly<Record<string, Job>>;
}

const FOLDER = '.github/workflows';

/** All workflows, as their YAML reads. */
export function workflows(): Workflow[] {
  return readdirSync(FOLDER).map((name) => {
    const file = `${FOLDER}/${name}`;
    return { file, ...(load(readFileSync(file, 'utf8')) as Omit<Workflow, 'file'>) };
  });
}

/** The job of a workflow by the file's name. */
export function jobOf(file: string, name: string): Job {
  const job = workflows().find((workflow) => workflow.file === `${FOLDER}/${file}`)?.jobs[name];
  if (!job) throw new Error(`${file} has no job ${name}`);
  return job;
}

/** Minutes of a step or job; of a choice, those where nothing is ticked. */
export function minutesOf({ 'timeout-minutes': minutes }: Pick<Step, 'timeout-minutes'>): number {
  return Number(typeof minutes === 'string' ? /\|\| (\d+) \}\}$/.exec(minutes)?.[1] : minutes);
}

/** Commands of this project; what else stands in a step is the runner's. */
const OURS = /moneywise-deploy|\bnpm (run|test)\b|\.ci\/run/;

/** Every command line of this project in a workflow: one for each choice of an input that stands in it. */
export function workflowCommandLines(): CommandLine[] {
  return workflows().flatMap(({ file, jobs, on }) =>
    Object.entries(jobs).flatMap(([heading, { env, steps = [] }]) =>
      steps
        .flatMap(({ run = '' }) => commandLines(run))
        .filter((text) => OURS.test(text))
        .flatMap((text) => chosen(text, env ?? {}, on.workflow_dispatch?.inputs ?? {}))
        .map((text) => ({ file, heading, line: 0, text, isBlock: true })),
    ),
  );
}

function chosen(
  text: string,
  env: Readonly<Record<string, string>>,
  inputs: Readonly<Record<string, { options?: string[] }>>,
): string[] {
  let texts = [text];
  for (const [name, value] of Object.entries(env)) {
    const options = inputs[/^\$\{\{ inputs\.(\S+) \}\}$/.exec(value)?.[1] ?? '']?.options;
    if (!options || !text.includes(`"$${name}"`)) continue;
    texts = texts.flatMap((each) => options.map((option) => each.replaceAll(`"$${name}"`, option)));
  }
  return texts;
}

/** What a document shows in a sentence, below a heading. */
export const shownIn = (file: string): string[] => commandLinesOf(file).map(({ text }) => text);
