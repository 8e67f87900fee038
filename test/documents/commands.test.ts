import { describe, expect, it } from 'vitest';
import { workflowCommandLines } from '../workflows/workflow.ts';
import { commandLinesOf } from './markdown.ts';
import { problemsOf } from './program.ts';
import { likened, listed, problemsOfEntry, takenFromDocuments, tracked } from './shown.ts';

// Every command line that a document shows to people, or that a step of a workflow runs: a test runs it, or the document says
// why none does. A test takes it from the document by `documented`, or `commands.yaml` says what else runs it.

/** Where a command within a sentence is something to type, too, and no mention. */
const TO_TYPE = ['README.md', 'docs/runbook.md', 'docs/on-call.md'];

const all = [...tracked('*.md').flatMap(commandLinesOf), ...workflowCommandLines()];

describe('a command line in a document or a workflow', () => {
  it('is run by a test, or marked with the reason why none can', () => {
    const taken = takenFromDocuments();
    const run = new Set(listed().map(({ command }) => command));
    const unshown = all
      .filter(({ file, isBlock, text }) => isBlock || (TO_TYPE.includes(file) && text.split(' ').length > 2))
      .filter((line) => line.notRunHere === undefined && !taken.has(likened(line.text)) && !run.has(line.text))
      .map(({ file, line, text }) => `${file}:${line}: ${text}`);
    expect(unshown).toEqual([]);
  });

  it('is one that this project has, with options that it takes', async () => {
    const typed = all.filter(({ text }) => !/<command>|…/.test(text));
    const problems = await Promise.all(typed.map(({ text }) => problemsOf(text)));
    expect(problems.flat()).toEqual([]);
  });

  it('is listed in commands.yaml only while it is shown or run somewhere and its test runs it', () => {
    const known = new Set(all.map(({ text }) => text));
    expect(listed().filter(({ command }) => !known.has(command))).toEqual([]);
    expect(listed().flatMap(problemsOfEntry)).toEqual([]);
  });
});
