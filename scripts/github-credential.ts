import { setTimeout as pause } from 'node:timers/promises';
import { Command } from 'commander';
import { request } from 'undici';
import { z } from 'zod';
import { messageOf } from '../testbed/run.ts';

// A credential plugin of kubeconfigs, for .github/kubeconfig/*.yaml: proves with GitHub's word who this workflow run is, by a
// token that lives some minutes and is asked for anew when it has run out. A cluster that trusts GitHub's issuer needs no key
// of ours: docs/workflows.md.

const answerSchema = z.object({ value: z.string().min(1) });

/** What GitHub says of this run to an audience. Both variables are there for jobs that may have `id-token: write`. */
async function tokenFor(audience: string): Promise<string> {
  const { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: key } = process.env;
  if (!url || !key) throw new Error('this is no job of a GitHub workflow with the permission `id-token: write`');
  const address = new URL(url);
  address.searchParams.set('audience', audience);
  // GitHub's service is now and then unwell for a moment, and a release should not fail by that.
  for (let attempt = 1; ; attempt += 1) {
    const { body, statusCode } = await request(address, { headers: { authorization: `Bearer ${key}` } });
    if (statusCode === 200) return answerSchema.parse(await body.json()).value;
    await body.dump();
    if (statusCode < 500 || attempt === 3) throw new Error(`GitHub refuses a token: HTTP status ${statusCode}`);
    await pause(500 * attempt);
  }
}

/** When a JSON Web Token runs out. */
function endOf(token: string): string {
  const payload = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  return new Date(z.object({ exp: z.number() }).parse(payload).exp * 1000).toISOString();
}

const { audience } = new Command('github-credential')
  .description('print a credential for kubectl and its like, from within a GitHub workflow')
  .requiredOption('--audience <name>', 'whom the token is for: the cluster takes no other')
  .parse()
  .opts<{ audience: string }>();

try {
  const token = await tokenFor(audience);
  const status = { token, expirationTimestamp: endOf(token) };
  console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status }));
} catch (error) {
  console.error(`github-credential: ${messageOf(error)}`);
  process.exitCode = 1;
}
