import { Chalk } from 'chalk';
import { Command } from 'commander';
import { createLogUpdate } from 'log-update';
import { readDraft } from '../promotion/plan/folder.ts';
import type { RunEvent } from '../promotion/report/events.ts';
import { look } from '../promotion/status/look.ts';
import { renderStatus } from '../promotion/status/render.ts';
import type { Status } from '../promotion/status/status.ts';
import {
  clusterOf,
  folderOf,
  type Output,
  onRelease,
  outputOf,
  RENDERED,
  type ReleaseOptions,
  stopSignal,
} from './options.ts';

interface Options extends ReleaseOptions {
  readonly watch?: true;
}

export function statusCommand(): Command {
  return onRelease(new Command('status'))
    .description('show how a release stands: every Rollout with its revisions, pods and analysis, in one frame')
    .option('-w, --watch', 'go on showing it as it changes, until Ctrl-C')
    .addHelpText(
      'after',
      `
Compares the live set with what the folder of ${RENDERED}/ wants, judged as \`promote\` would; writes nothing. Says until when
the old pods stay up, so until when going back is instant, and applying the old version again is not gated.
With --output json each line is one event STATUS with everything in its data.

Exit codes: 0 every member is live and stable on these manifests, 1 something is not, 2 bad arguments or manifests,
8 cluster unreachable, 70 a bug of this tool.`,
    )
    .action(async (overlay: string | undefined, options: Options) => {
      process.exitCode = await run(overlay, options);
    });
}

async function run(overlay: string | undefined, options: Options): Promise<number> {
  const { plan } = await readDraft(await folderOf(overlay, options.manifests));
  const cluster = clusterOf(plan, options);
  const { signal, release } = stopSignal();
  const { show, close } = shower(outputOf(options), options.watch === true);
  try {
    const { findings } = await look({ plan, cluster, show, ...(options.watch ? { until: signal } : {}) });
    return findings.length === 0 ? 0 : 1;
  } finally {
    close();
    release();
  }
}

type Show = (status: Status, now: number, blindSince: number | undefined) => void;

function shower(output: Output, watching: boolean): { show: Show; close: () => void } {
  const paint = output === 'tty' ? new Chalk() : new Chalk({ level: 0 });
  const lines = (...[status, now, blindSince]: Parameters<Show>): string[] => [
    ...renderStatus(status, now, paint),
    ...(blindSince === undefined
      ? []
      : ['', `the cluster has not answered since ${new Date(blindSince).toISOString()}: this is its last known state`]),
  ];
  if (output === 'tty' && watching) {
    const update = createLogUpdate(process.stdout);
    return { show: (...args) => update(lines(...args).join('\n')), close: () => update.done() };
  }
  // For logs: only what has changed, not each tick of a countdown.
  let last = '';
  const changed = (status: Status, blindSince: number | undefined) => {
    const { at: _, ...lasting } = status;
    const text = JSON.stringify([lasting, blindSince]);
    const isNew = text !== last;
    last = text;
    return isNew;
  };
  return {
    show(status, now, blindSince) {
      if (!changed(status, blindSince)) return;
      process.stdout.write(
        output === 'json' ? `${JSON.stringify(eventOf(status))}\n` : `${lines(status, now, blindSince).join('\n')}\n\n`,
      );
    },
    close: () => {},
  };
}

function eventOf(status: Status): RunEvent {
  const isFine = status.findings.length === 0;
  return {
    time: status.at,
    code: 'STATUS',
    level: isFine ? 'info' : 'warning',
    message: isFine ? 'every member is live and stable on these manifests' : status.findings.join('; '),
    data: status,
  };
}
