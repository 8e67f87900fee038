import { cut } from '../evidence/markdown.ts';
import { type Answer, type Call, DeliveryError } from './http.ts';
import type { Delivery } from './outbox.ts';

/** Where incidents are kept as issues. */
export interface GitHub {
  readonly api: string;
  /** `owner/name` */
  readonly repository: string;
  readonly token: string;
  /** What all incidents carry and are found by. Only who may write can set it, so nobody else can pretend one. */
  readonly label: string;
}

/** What is said about an incident. */
export interface Note {
  /** Which incident: there is one open issue for it at most. */
  readonly incident: string;
  /** The same however often it is sent. */
  readonly id: string;
  /** Markdown for a comment. */
  readonly comment: string;
}

export interface Opening extends Note {
  readonly title: string;
  /** Markdown for a new issue. */
  readonly body: string;
  /** No comment while the issue, or the last comment of ours, is younger than this, in milliseconds. @default 0 */
  readonly quiet?: number;
}

interface Issue {
  readonly number: number;
  readonly body: string | null;
  readonly created_at: string;
  readonly labels: readonly (string | { readonly name?: string })[];
  readonly pull_request?: object;
}

interface Comment {
  readonly body: string;
  readonly created_at: string;
}

type Ask = (method: Call['method'], path: string, data?: object) => Promise<Answer>;

const PAGE = 100;
/** GitHub takes no more in an issue or a comment, in characters. */
const LONGEST_BODY = 65_536;
const LONGEST_TITLE = 200;
/** How far back comments are looked through for one that a try has left whose answer was lost, in milliseconds. */
const LOOK_BACK = 3_600_000;

/** Opens the incident's issue, or comments on it where it is open. What an earlier try has done is not done again. */
export function openIssue(github: GitHub, note: Opening, now: () => number): Delivery {
  return async (send) => {
    const ask = askOf(github, send);
    const [issue] = await openIssues(ask, github, note.incident);
    if (!issue) {
      const body = cut(`${incidentMark(note.incident)}\n${noteMark(note.id)}\n${note.body}`, LONGEST_BODY);
      const title = note.title.replace(/\s+/g, ' ').slice(0, LONGEST_TITLE);
      const { json } = await ask('POST', 'issues', { title, body, labels: [github.label] });
      if (!labelsOf(json as Issue).includes(github.label)) {
        throw new DeliveryError(
          `has opened an issue without the label ${github.label}, so it will not be found again: let the token set labels`,
          { isFinal: true },
        );
      }
      return;
    }
    if (issue.body?.includes(noteMark(note.id))) return;
    await comment(ask, issue, note, now(), note.quiet ?? 0);
  };
}

/** Says that the incident is over, and closes its issue; where none is open, nothing. */
export function closeIssue(github: GitHub, note: Note, now: () => number): Delivery {
  return async (send) => {
    const ask = askOf(github, send);
    for (const issue of await openIssues(ask, github, note.incident)) {
      await comment(ask, issue, note, now(), 0);
      await ask('PATCH', `issues/${issue.number}`, { state: 'closed', state_reason: 'completed' });
    }
  };
}

function askOf({ api, repository, token }: GitHub, send: Parameters<Delivery>[0]): Ask {
  const headers = {
    authorization: `Bearer ${token}`,
    accept: 'application/vnd.github+json',
    'x-github-api-version': '2022-11-28',
  };
  return (method, path, data) =>
    send({
      method,
      url: `${api.replace(/\/$/, '')}/repos/${repository}/${path}`,
      headers,
      ...(data ? { body: JSON.stringify(data) } : {}),
    });
}

/** The open issues of an incident, oldest first: more than one only where two runs opened theirs at the same moment. */
async function openIssues(ask: Ask, { label }: GitHub, incident: string): Promise<Issue[]> {
  const mark = incidentMark(incident);
  const issues = await pages<Issue>(
    ask,
    `issues?state=open&labels=${encodeURIComponent(label)}&sort=created&direction=asc`,
  );
  return issues.filter(({ body, pull_request }) => !pull_request && body?.startsWith(mark));
}

async function comment(ask: Ask, issue: Issue, note: Note, now: number, quiet: number): Promise<void> {
  const since = new Date(now - Math.max(quiet, LOOK_BACK)).toISOString();
  const comments = await pages<Comment>(ask, `issues/${issue.number}/comments?since=${since}`);
  const ours = comments.filter(({ body }) => body.startsWith(NOTE));
  const mark = noteMark(note.id);
  const isTooSoon = quiet > 0 && [issue, ...ours].some(({ created_at }) => Date.parse(created_at) > now - quiet);
  if (isTooSoon || ours.some(({ body }) => body.startsWith(mark))) return;
  await ask('POST', `issues/${issue.number}/comments`, { body: cut(`${mark}\n${note.comment}`, LONGEST_BODY) });
}

async function pages<T>(ask: Ask, path: string): Promise<T[]> {
  const all: T[] = [];
  for (let page = 1; ; page += 1) {
    const { json } = await ask('GET', `${path}&per_page=${PAGE}&page=${page}`);
    if (!Array.isArray(json)) throw new DeliveryError('answers with something that is no list', { isFinal: true });
    all.push(...json);
    if (json.length < PAGE) return all;
  }
}

function labelsOf({ labels }: Issue): (string | undefined)[] {
  return labels.map((label) => (typeof label === 'string' ? label : label.name));
}

/** Comments of Markdown, which nobody sees. Encoded, so that nothing in a name ends them. */
function incidentMark(incident: string): string {
  return `<!-- moneywise-deploy incident: ${encodeURIComponent(incident)} -->`;
}

const NOTE = '<!-- moneywise-deploy note: ';

function noteMark(id: string): string {
  return `${NOTE}${encodeURIComponent(id)} -->`;
}
