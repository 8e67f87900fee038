import { get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../testbed/run.ts';

/** What somebody got who opened a connection to a member's active Service. */
export interface Answer {
  readonly member: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** HTTP status; 0 when there was no answer at all. */
  readonly status: number;
  /** The version that answered, e.g. `1.0.0`; undefined where the answer does not tell, as an error page. */
  readonly version: string | undefined;
  /** Why there was no answer. */
  readonly error?: string;
}

/** Port, path, and where the version is in the answer. */
const ROUTES = {
  backend: [3001, '/api/health', /"version":"([^"]+)"/],
  web: [3000, '/', /name="version" content="([^"]+)"/],
} as const;
type MemberName = keyof typeof ROUTES;

/** Between two requests to the same member, in milliseconds. */
const EVERY = 100;

/**
 * Asks the active Services without pause while something is done, as clients do that open a new connection each time.
 * @returns what that returned, with what the clients saw.
 */
export async function watched<T extends object>(namespace: string, act: () => Promise<T>): Promise<T & Traffic> {
  const answers: Answer[] = [];
  let over = false;
  const watch = async (member: MemberName) => {
    while (!over) {
      answers.push(await ask(namespace, member));
      await pause(EVERY);
    }
  };
  const watches = [watch('backend'), watch('web')];
  const stop = async () => {
    over = true;
    await Promise.all(watches);
  };
  const done = await act().finally(stop);
  return { ...done, ...trafficOf(answers) };
}

/** What clients saw. */
export interface Traffic {
  /** Every answer, in the order of its member's requests. */
  readonly answers: readonly Answer[];
  /** Requests that got no answer. */
  readonly unanswered: readonly Answer[];
  /** Answers other than 200. */
  readonly errors: readonly Answer[];
  /** The versions that answered for a member, each once. */
  readonly versions: Readonly<Record<MemberName, readonly string[]>>;
}

function trafficOf(answers: readonly Answer[]): Traffic {
  const versions = (member: MemberName) => [
    ...new Set(answers.filter((a) => a.member === member).flatMap((a) => a.version ?? [])),
  ];
  return {
    answers,
    unanswered: answers.filter((a) => a.status === 0),
    errors: answers.filter((a) => a.status !== 0 && a.status !== 200),
    versions: { backend: versions('backend'), web: versions('web') },
  };
}

/** Waits until ten answers in a row come from that version, each on a connection of its own. */
export async function answersOnly(namespace: string, member: MemberName, version: string): Promise<void> {
  await until(`${member} to answer as ${version}`, 10, async () => {
    for (let count = 0; count < 10; count += 1) {
      const answer = await ask(namespace, member);
      if (answer.version !== version) throw new Error(JSON.stringify(answer));
    }
    return true;
  });
}

function ask(namespace: string, member: MemberName): Promise<Answer> {
  const [port, path, pattern] = ROUTES[member];
  const at = Date.now();
  const url = `http://${member}.${namespace}.svc.cluster.local:${port}${path}`;
  return new Promise((resolve) => {
    const none = (error: Error) => resolve({ member, at, status: 0, version: undefined, error: error.message });
    // Without an agent each request has a connection of its own.
    const request = get(url, { agent: false, timeout: 5000 }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('error', none).on('end', () => {
        resolve({ member, at, status: response.statusCode ?? 0, version: pattern.exec(body)?.[1] });
      });
    });
    request.on('timeout', () => request.destroy(new Error('no answer within 5 s'))).on('error', none);
  });
}
