import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { KubeObject } from '../cluster/objects.ts';
import { type Cluster, ClusterError, CONFIG_MAPS, undefinedIfNotFound } from '../cluster/port.ts';
import { EPOCH, epochOf } from '../core/fence.ts';
import { type History, historyAfter } from '../core/history.ts';
import type { Journal } from '../core/journal.ts';
import type { Plan } from '../plan/plan.ts';
import { annotationPath } from './writes.ts';

/**
 * The journal of a release in the cluster: one ConfigMap, so that a decision and what it rests on are written together or
 * not at all. Each write is fenced by the run's epoch.
 */
export interface Record {
  readonly found: Found;
  /** What has settled, with what this run has done. */
  readonly history: () => History;
  /** Throws `TakenOver` or `ClusterError`. */
  readonly save: (journal: Journal) => Promise<void>;
}

/** What earlier runs wrote down. */
export interface Found {
  /** What one left unfinished, and whether it was of this same plan; undefined when there is none, or it cannot be read. */
  readonly left: { readonly journal: Journal; readonly isSamePlan: boolean } | undefined;
  readonly history: History;
  /** Why the journal cannot be read, where there is one that cannot. */
  readonly unreadable?: string;
}

/** The longest message that is kept: a ConfigMap holds 1 MiB. */
const LONGEST_MESSAGE = 2000;

const journalSchema = z.object({
  ask: z.enum(['promote', 'abort', 'rollback', 'settle']).default('promote'),
  phase: z.enum(['preparing', 'switching', 'verifying', 'settling', 'returning', 'over']),
  since: z.number(),
  members: z.record(
    z.string(),
    z.object({
      uid: z.string(),
      from: z.string().optional(),
      to: z.string().optional(),
      switched: z.boolean(),
      unchanged: z.boolean(),
      wasAborted: z.boolean().optional(),
      abortedAt: z.string().optional(),
      asked: z.record(z.string(), z.number()),
    }),
  ),
  cause: z.object({ code: z.string(), member: z.string().optional(), message: z.string() }).optional(),
  outcome: z.string().optional(),
});

const historySchema = z.array(
  z.object({
    version: z.string().optional(),
    at: z.number().optional(),
    revisions: z.record(z.string(), z.string()),
  }),
);

/** The ConfigMap that has the journal of a release. */
export function recordName(release: string): string {
  return `release-${release}-journal`;
}

/** Tells two plans apart: what would be promoted, and by which rules. */
export function digestOf(plan: Plan): string {
  return createHash('sha256').update(JSON.stringify(plan)).digest('hex').slice(0, 16);
}

/** What earlier runs wrote down, without taking it over. Throws `ClusterError`. */
export async function readRecord(cluster: Cluster, plan: Plan): Promise<Found> {
  const name = recordName(plan.policy.release);
  return foundIn(await cluster.get(CONFIG_MAPS, name).catch(undefinedIfNotFound), digestOf(plan));
}

/** A later run has taken the release over. */
export class TakenOver extends Error {}

/** Opens the journal for run number `epoch`, which shuts earlier runs out of it. Throws `TakenOver` or `ClusterError`. */
export async function openRecord(cluster: Cluster, plan: Plan, epoch: number): Promise<Record> {
  const name = recordName(plan.policy.release);
  const digest = digestOf(plan);
  const objectWith = (data: object): KubeObject => {
    const metadata = { name, namespace: cluster.namespace, annotations: { [EPOCH]: String(epoch) } };
    return { apiVersion: 'v1', kind: 'ConfigMap', metadata, data } as KubeObject;
  };
  let before: Found = { left: undefined, history: [] };
  for (;;) {
    const found = await cluster.get(CONFIG_MAPS, name).catch(undefinedIfNotFound);
    try {
      if (epochOf(found) > epoch) throw new TakenOver();
      if (found) {
        before = foundIn(found, digest);
        await cluster.patch(CONFIG_MAPS, name, [
          { op: 'test', path: '/metadata/resourceVersion', value: found.metadata.resourceVersion },
          {
            op: 'add',
            path: '/metadata/annotations',
            value: { ...found.metadata.annotations, [EPOCH]: String(epoch) },
          },
        ]);
      } else {
        await cluster.create(CONFIG_MAPS, objectWith({}));
      }
      break;
    } catch (error) {
      if (!(error instanceof ClusterError && error.code === 'precondition')) throw error;
    }
  }
  let kept = '';
  let { history } = before;
  return {
    found: before,
    history: () => history,
    async save(journal) {
      const text = JSON.stringify(lasting(journal));
      if (text === kept) return;
      const after = historyAfter(history, journal, plan.policy.version);
      const data = { 'journal.json': text, 'history.json': JSON.stringify(after), plan: digest };
      try {
        await cluster
          .patch(CONFIG_MAPS, name, [
            { op: 'test', path: annotationPath(EPOCH), value: String(epoch) },
            { op: 'add', path: '/data', value: data },
          ])
          .catch(async (error) => {
            // Somebody deleted it. A later run's would be there, and then this one cannot be made.
            undefinedIfNotFound(error);
            await cluster.create(CONFIG_MAPS, objectWith(data));
          });
      } catch (error) {
        if (error instanceof ClusterError && error.code === 'precondition') throw new TakenOver();
        throw error;
      }
      kept = text;
      history = after;
    },
  };
}

/** Without what only this run needs: a resumed one finds it out again. */
function lasting({ preparedAt: _, written: __, ...journal }: Journal): Journal {
  const members = Object.entries(journal.members).map(([name, { owedSince: _, ...member }]) => [name, member] as const);
  const { cause } = journal;
  return {
    ...journal,
    members: Object.fromEntries(members),
    ...(cause ? { cause: { ...cause, message: cause.message.slice(0, LONGEST_MESSAGE) } } : {}),
  };
}

function foundIn(found: KubeObject | undefined, digest: string): Found {
  const { data } = (found ?? {}) as { data?: { [key: string]: string } };
  const journal = parsed(journalSchema, data?.['journal.json']);
  const history = parsed(historySchema, data?.['history.json']);
  const problem = journal.problem ?? history.problem;
  const value = journal.value as unknown as Journal | undefined;
  return {
    left: value && value.phase !== 'over' ? { journal: value, isSamePlan: data?.plan === digest } : undefined,
    history: (history.value ?? []) as unknown as History,
    ...(problem === undefined ? {} : { unreadable: problem }),
  };
}

/** What a text says; without a value for what is not there, and with a problem for what cannot be read. */
function parsed<T>(schema: z.ZodType<T>, text: string | undefined): { value?: T; problem?: string } {
  if (text === undefined) return {};
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { problem: 'it is not JSON' };
  }
  const { data, error } = schema.safeParse(json);
  const issue = error?.issues[0];
  return issue ? { problem: `${issue.path.join('.') || 'it'}: ${issue.message}` } : { value: data as T };
}
