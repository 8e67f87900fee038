import { type Call, DeliveryError, newSender } from '../notify/http.ts';

/** A branch that was pushed, for people to look at and merge. */
export interface Proposal {
  /** The repository as git takes it, e.g. `https://github.com/moneywise/moneywise-deploy.git`. */
  readonly repository: string;
  readonly from: string;
  readonly into: string;
  readonly title: string;
  readonly body: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** How long GitHub may take, in milliseconds. */
const PATIENCE = 15_000;

/**
 * Opens a pull request at GitHub, or finds the one that is open already: the address of its page. Undefined where the repository is not
 * at GitHub, and where no `GIT_TOKEN` is there to ask with. GitHub is where `GITHUB_SERVER_URL` and `GITHUB_API_URL` say, which GitHub's
 * runners set; default: github.com.
 * @throws DeliveryError when GitHub refuses it or does not answer.
 */
export async function openPullRequest(
  { repository, from, into, title, body }: Proposal,
  environment: Environment = process.env,
): Promise<string | undefined> {
  const { GITHUB_SERVER_URL: server = 'https://github.com', GITHUB_API_URL: api = 'https://api.github.com' } =
    environment;
  const { GIT_TOKEN: token } = environment;
  const name = nameAt(new URL(server).host, repository);
  if (name === undefined || !token) return undefined;
  const { send, close } = newSender([token], Date.now);
  const headers = { authorization: `Bearer ${token}`, accept: 'application/vnd.github+json' };
  const ask = async (method: Call['method'], query: string, data?: object) =>
    (
      await send(
        { method, url: `${api}/repos/${name}/pulls${query}`, headers, ...(data ? { body: JSON.stringify(data) } : {}) },
        AbortSignal.timeout(PATIENCE),
      )
    ).json;
  try {
    const [owner] = name.split('/');
    const which = new URLSearchParams({ state: 'open', head: `${owner}:${from}`, base: into });
    const [found] = [await ask('GET', `?${which}`)].flat();
    return addressOf(found ?? (await ask('POST', '', { title, body, head: from, base: into })));
  } finally {
    await close();
  }
}

/** `owner/name` of a repository at that host, by HTTPS or SSH. */
function nameAt(host: string, repository: string): string | undefined {
  const [, there, name] =
    /^(?:\w+:\/\/)?(?:[^@/]+@)?([^/]+?)[/:]([^/:]+\/[^/:]+?)(?:\.git)?\/?$/.exec(repository) ?? [];
  return there === host ? name : undefined;
}

function addressOf(pull: unknown): string {
  const address = (pull as { html_url?: unknown } | undefined)?.html_url;
  if (typeof address !== 'string') throw new DeliveryError('answers something that is no pull request');
  return address;
}
