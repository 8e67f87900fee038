import type { AnalysisRun, Event, Pod } from '../cluster/objects.ts';
import type { Cluster, HttpAnswer } from '../cluster/port.ts';
import type { Journal } from '../core/journal.ts';
import type { MemberView } from '../core/member.ts';
import { type Observation, ownedBy } from '../core/observation.ts';
import type { Plan } from '../plan/plan.ts';
import type { Result, RunEvent } from '../report/events.ts';
import type { Say } from '../run/say.ts';
import {
  type Answer,
  type Bundle,
  collectedFiles,
  type Decision,
  type File,
  filesOf,
  knownFiles,
  logFile,
  planFile,
  timelineText,
} from './bundle.ts';
import { type Listing, listingOf, logsOf, withoutManagedFields } from './collect.ts';
import type { Folder } from './folder.ts';
import { pageOf } from './page.ts';
import { newQueue } from './queue.ts';
import { redact, redactText, secretsIn } from './redact.ts';
import { SUMMARY, summaryOf } from './summary.ts';

/**
 * Keeps the evidence of one run. None of this throws, and none of it takes longer than its limit: whatever becomes of the
 * disk, the release goes on.
 */
export interface Keeper {
  /** From now on something happens that is worth a folder. */
  readonly begin: () => void;
  readonly note: (event: RunEvent) => void;
  /** Takes over the measurements so far. */
  readonly see: (observation: Observation) => void;
  /** The same cluster, whose answers to that health check are kept. */
  readonly hear: (check: string, cluster: Cluster) => Cluster;
  /** Saves what is known, before anything is undone. */
  readonly save: (journal: Journal, views: readonly MemberView[]) => Promise<void>;
  /** Keeps what the pods of a ReplicaSet leave behind; then it is in `collected`, also when that failed. */
  readonly collect: (replicaSet: string) => Promise<void>;
  readonly collected: ReadonlySet<string>;
  /** Writes everything, and the page. */
  readonly finish: (result: Result, message: string) => Promise<void>;
}

/** How long what is known may take to be saved, in milliseconds: so much later the way back begins at worst. */
const SAVE_LIMIT = 500;
/** How long all collecting of a release may take together, in milliseconds. */
const COLLECT_LIMIT = 10_000;
/** How long the last writing may take, in milliseconds. */
const FINISH_LIMIT = 5_000;
/** Listings younger than this are used again: members come back at about the same time. */
const LISTING_AGE = 1_000;
/** How much of an answer is looked at, and how much of it is kept, in characters. */
const LONGEST_BODY = 64 * 1024;
const KEPT_BODY = 2048;

export function newKeeper(plan: Plan, cluster: Cluster, folder: Folder, say: Say): Keeper {
  const known = secretsIn(plan);
  const clean = <T>(data: T): T => redact(data, known);
  const cleanPlan = clean(plan);
  const timeline: RunEvent[] = [];
  const analyses = new Map<string, AnalysisRun>();
  const latest = new Map<string, AnalysisRun>();
  const answers: Answer[] = [];
  const pods = new Map<string, Pod>();
  const logs = new Map<string, Bundle['logs'][number]>();
  const collected = new Set<string>();
  const told = new Set<string>();
  let events: readonly Event[] = [];
  let decision: Decision | undefined;
  let result: Bundle['result'];
  let hasBegun = false;
  let listing: { at: number; answer: Promise<Listing> } | undefined;
  let collectUntil: number | undefined;
  const now = () => cluster.now().getTime();

  let written = 0;
  const counting: Folder = {
    path: folder.path,
    async write(name, text) {
      await folder.write(name, text);
      written += 1;
    },
  };
  const queue = newQueue(counting, (name, error) => failed('write', `${name} could not be written`, error));

  /** Tells of the first failure of a kind only: a full disk refuses every file. */
  function failed(what: 'write' | 'collect', words: string, error: unknown): void {
    if (told.has(what)) return;
    told.add(what);
    const { message } = error as Error;
    say('EVIDENCE_FAILED', `evidence: ${words}: ${message}`, { data: { what, error: message } });
  }

  /** A bug in what only looks on must not end the release either. */
  async function safely(task: () => void | Promise<void>): Promise<void> {
    try {
      await task();
    } catch (error) {
      failed('collect', 'a bug of this tool, please send it', error);
    }
  }

  /** Waits for `task` no longer than `limit` milliseconds; whether it was done by then. */
  async function within(limit: number, task: Promise<unknown>): Promise<boolean> {
    const cancel = new AbortController();
    const late = cluster.sleep(Math.max(0, limit), cancel.signal).then(() => false);
    const isDone = await Promise.race([task.then(() => true), late]);
    cancel.abort();
    return isDone;
  }

  function bundle(): Bundle {
    return {
      plan: cleanPlan,
      namespace: cluster.namespace,
      timeline,
      analyses: [...analyses.values()],
      answers,
      pods: [...pods.values()],
      events,
      logs: [...logs.values()],
      ...(decision ? { decision } : {}),
      ...(result ? { result } : {}),
    };
  }

  function put(files: readonly File[]): void {
    for (const [name, text] of files) queue.put(name, text);
  }

  function note(event: RunEvent): void {
    if (result) return;
    timeline.push(clean(event));
    if (hasBegun) queue.put('timeline.jsonl', () => timelineText({ timeline }));
  }

  function list(): Promise<Listing> {
    if (!listing || now() - listing.at > LISTING_AGE) listing = { at: now(), answer: listNow() };
    return listing.answer;
  }

  async function listNow(): Promise<Listing> {
    const seen = await listingOf(cluster, plan);
    for (const pod of seen.pods) pods.set(pod.metadata.uid ?? pod.metadata.name, clean(pod));
    // Each version of an event once: there are hundreds, and cleaning them takes time that the way back needs.
    const cleaned = new Map(events.map((event) => [versionOf(event), event]));
    events = seen.events.map((event) => cleaned.get(versionOf(event)) ?? clean(event));
    return seen;
  }

  async function gather(replicaSet: string): Promise<void> {
    try {
      const seen = await list();
      await logsOf(cluster, seen.pods, replicaSet, (log) => {
        const kept = { ...log, text: redactLines(log.text, known) };
        logs.set(`${log.pod} ${log.container} ${log.previous}`, kept);
        put([logFile(kept)]);
      });
    } catch (error) {
      failed('collect', `not everything could be collected of ${replicaSet}`, error);
    }
    put(collectedFiles(bundle()));
    await within(SAVE_LIMIT, queue.idle());
  }

  function see({ analysisRuns, rollouts }: Observation): void {
    const owners = plan.members.map(({ name }) => rollouts.get(name)?.metadata.uid);
    for (const run of analysisRuns.values()) {
      const key = run.metadata.uid ?? run.metadata.name;
      if (latest.get(key) === run || !owners.some((uid) => ownedBy(run, uid))) continue;
      latest.set(key, run);
      analyses.set(key, clean(withoutManagedFields(run)));
    }
  }

  async function save(journal: Journal, views: readonly MemberView[]): Promise<void> {
    const members = views.map(({ member, stage, reason, current, stable, active }) => {
      const hashes = { ...(current ? { current } : {}), ...(stable ? { stable } : {}), ...(active ? { active } : {}) };
      return { name: member.name, stage, reason, ...hashes };
    });
    decision = clean({ at: cluster.now().toISOString(), journal, members });
    put(knownFiles(bundle()));
    if (!(await within(SAVE_LIMIT, queue.idle()))) failed('write', folder.path(), new Error(SILENT));
  }

  async function collect(replicaSet: string): Promise<void> {
    collectUntil ??= now() + COLLECT_LIMIT;
    if (await within(collectUntil - now(), gather(replicaSet))) return;
    failed('collect', `not everything of ${replicaSet}`, new Error(`it took longer than ${COLLECT_LIMIT / 1000} s`));
  }

  async function finish(data: Result, message: string): Promise<void> {
    const level = data.exitCode === 0 ? 'info' : 'error';
    note({ time: cluster.now().toISOString(), code: 'RESULT', level, message, data });
    result = clean({ ...data, message });
    put(filesOf(bundle()));
    queue.put('index.html', () => pageOf(bundle()));
    queue.put(SUMMARY, () => summaryOf(bundle()));
    if (!(await within(FINISH_LIMIT, queue.idle()))) failed('write', folder.path(), new Error(SILENT));
    if (written === 0) return;
    const words = told.size > 0 ? 'evidence, incomplete' : 'evidence';
    say('EVIDENCE', `${words}: ${folder.path()}`, { data: { folder: folder.path() } });
  }

  /** The cluster, but with every answer noted. */
  function hear(check: string, heard: Cluster): Cluster {
    async function http(...[target, timeout]: Parameters<Cluster['http']>): Promise<HttpAnswer> {
      const startedAt = now();
      const keep = (answer: Partial<Answer>) => {
        const times = { at: new Date(startedAt).toISOString(), durationMs: now() - startedAt };
        void safely(() => {
          // Redacted before it is cut: half a secret is not known to be one.
          const body =
            answer.body === undefined ? {} : { body: clean(answer.body.slice(0, LONGEST_BODY)).slice(0, KEPT_BODY) };
          answers.push(clean({ check, ...times, ...answer, ...body }));
        });
      };
      try {
        const answer = await heard.http(target, timeout);
        keep(answer);
        return answer;
      } catch (error) {
        keep({ error: (error as Error).message });
        throw error;
      }
    }
    return { ...heard, http };
  }

  return {
    collected,
    hear,
    begin() {
      if (hasBegun) return;
      hasBegun = true;
      put([planFile(cleanPlan)]);
      queue.put('timeline.jsonl', () => timelineText({ timeline }));
    },
    note: (event) => void safely(() => note(event)),
    see: (observation) => void safely(() => see(observation)),
    save: (journal, views) => safely(() => save(journal, views)),
    async collect(replicaSet) {
      if (hasBegun && !collected.has(replicaSet)) await safely(() => collect(replicaSet));
      collected.add(replicaSet);
    },
    async finish(data, message) {
      if (hasBegun) await safely(() => finish(data, message));
    },
  };
}

const SILENT = 'the disk does not answer';

const versionOf = ({ metadata }: Event): string => `${metadata.uid ?? metadata.name} ${metadata.resourceVersion}`;

/** A log's lines; one that is JSON is looked into. Each begins with its time. */
function redactLines(text: string, known: readonly string[]): string {
  const lines = text.split('\n').map((line) => {
    const [, time = '', rest = ''] = /^(\S+Z )?(.*)$/s.exec(line) ?? [];
    return rest.startsWith('{') ? `${time}${redact(rest, known)}` : line;
  });
  return redactText(lines.join('\n'), known);
}
