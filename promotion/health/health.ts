import { ClusterError, type HttpAnswer } from '../cluster/port.ts';
import type { Finding } from '../gates/finding.ts';
import { at, judgeAnswer } from '../gates/health.ts';
import { jsonIn } from '../gates/json.ts';
import type { Policy, PublicPath } from '../plan/policy.ts';
import { answerTo, redirectOf } from '../run/check.ts';
import type { Certificate, Visit } from './visit.ts';

/** One thing about a public path. */
export interface HealthFinding {
  /** The name of the path. */
  readonly path: string;
  readonly url: string;
  readonly aspect: 'answer' | 'certificate' | 'redirect';
  /** A warning needs somebody, but not now; it is healthy. */
  readonly verdict: 'pass' | 'warning' | 'fail';
  /** One sentence for people. */
  readonly message: string;
  /** Which version answered, as the body names it. */
  readonly version?: string;
  /** How long the answer took. */
  readonly milliseconds?: number;
  /** When the certificate runs out, RFC 3339. */
  readonly validUntil?: string;
}

export interface Asking {
  readonly timeoutSeconds: number;
  /** A certificate that is valid for less is a warning. */
  readonly warnDays: number;
  readonly now: () => Date;
  /** One request; rejects with `ClusterError`. */
  readonly visit: (url: string, timeoutMilliseconds: number) => Promise<Visit>;
}

/** What a policy has to ask through public hosts: its own list or, without one, its health checks that go by URL. */
export function publicPathsOf({ healthChecks, publicPaths }: Policy): readonly PublicPath[] {
  if (publicPaths.length > 0) return publicPaths;
  return healthChecks.flatMap(({ name, target, expect, redirects }) =>
    'url' in target ? [{ name, url: target.url, expect, redirects }] : [],
  );
}

/** Asks all paths, at once, and says what was found in their order. */
export async function healthOf(paths: readonly PublicPath[], asking: Asking): Promise<HealthFinding[]> {
  return (await Promise.all(paths.map((path) => findingsOn(path, asking)))).flat();
}

async function findingsOn(path: PublicPath, asking: Asking): Promise<HealthFinding[]> {
  const [{ finding, certificates }, redirect] = await Promise.all([
    answerOf(path, asking),
    path.redirectFrom === undefined ? [] : redirectFrom(path.redirectFrom, path, asking),
  ]);
  return [finding, ...certificates.map((one) => certificateFinding(one, path, asking)), redirect].flat();
}

/** What the path answers, and the certificates on the way to that answer. */
async function answerOf(path: PublicPath, { now, timeoutSeconds, visit }: Asking) {
  const { url, redirects, expect } = path;
  const certificates = new Map<string, Certificate>();
  const http = async (to: { readonly url: string } | object, timeout: number): Promise<HttpAnswer> => {
    const { answer, certificate } = await visit('url' in to ? to.url : url, timeout);
    if (certificate) certificates.set(certificate.host, certificate);
    return answer;
  };
  const start = now().getTime();
  const answer = await answerTo({ target: { url }, redirects, timeoutSeconds }, http).catch(reasonOf);
  const milliseconds = now().getTime() - start;
  const about = { path: path.name, url, aspect: 'answer' } as const;
  if (typeof answer === 'string')
    return { finding: { ...about, verdict: 'fail', message: answer } as const, certificates: [] };
  const version = at(jsonIn(answer.body), expect.version?.path ?? 'version');
  const told = typeof version === 'string' || typeof version === 'number' ? String(version) : undefined;
  const { verdict, message } = said(judgeAnswer(answer, expect), answer, told);
  const finding: HealthFinding = { ...about, verdict, message, milliseconds, ...(told ? { version: told } : {}) };
  return { finding, certificates: [...certificates.values()] };
}

/** Only a good answer is healthy: one of which nothing is known, e.g. of another version, is not. */
function said({ verdict, reason }: Finding, { status }: HttpAnswer, version: string | undefined) {
  if (verdict !== 'pass') return { verdict: 'fail', message: reason } as const;
  return { verdict, message: `status ${status}${version ? `, version ${version}` : ''}` };
}

function certificateFinding(certificate: Certificate, path: PublicPath, { now, warnDays }: Asking): HealthFinding {
  const { host, issuer, problem, validUntil } = certificate;
  const days = Math.floor((Date.parse(validUntil) - now().getTime()) / 86_400_000);
  const until = `of ${issuer}, valid until ${validUntil.slice(0, 10)}`;
  const about = { path: path.name, url: path.url, aspect: 'certificate', validUntil } as const;
  if (problem) return { ...about, verdict: 'fail', message: `${host}: ${problem}; ${until}` };
  if (days < warnDays)
    return { ...about, verdict: 'warning', message: `${host}: runs out in ${days} days: renew it; ${until}` };
  return { ...about, verdict: 'pass', message: `${host}: for ${days} days; ${until}` };
}

/** Whether plain HTTP is sent on to HTTPS on the same host. */
async function redirectFrom(from: string, path: PublicPath, asking: Asking): Promise<HealthFinding> {
  const { timeoutSeconds, visit } = asking;
  const about = { path: path.name, url: from, aspect: 'redirect' } as const;
  const got = await visit(from, timeoutSeconds * 1000).catch(reasonOf);
  if (typeof got === 'string') return { ...about, verdict: 'fail', message: `${from}: ${got}` };
  const { answer } = got;
  const to = redirectOf(answer, from);
  const isGood = to?.startsWith('https:') && new URL(to).hostname === new URL(from).hostname;
  const leads = answer.location === undefined ? '' : ` and leads to ${answer.location}`;
  return {
    ...about,
    verdict: isGood ? 'pass' : 'fail',
    message: `${from} answers ${answer.status}${leads}${isGood ? '' : ', not to HTTPS on the same host'}`,
  };
}

/** Why there is no answer. */
function reasonOf(error: unknown): string {
  if (error instanceof ClusterError) return error.message;
  throw error;
}
