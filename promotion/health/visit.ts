import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { checkServerIdentity, type DetailedPeerCertificate, type TLSSocket } from 'node:tls';
import { ClusterError, type HttpAnswer } from '../cluster/port.ts';

/** An answer, and what its server showed to prove who it is. */
export interface Visit {
  readonly answer: HttpAnswer;
  /** Of https only. */
  readonly certificate?: Certificate;
}

export interface Certificate {
  /** Host and port that were asked. */
  readonly host: string;
  readonly issuer: string;
  /** When the first certificate of the chain runs out, RFC 3339. */
  readonly validUntil: string;
  /** Why a browser refuses it; undefined when it does not. */
  readonly problem?: string;
}

/** `host:port` → the address to go to in the place of what DNS says. */
export type Addresses = ReadonlyMap<string, string>;

/** The most that is read of a body, in bytes: no health route or page is larger. */
const BODY_LIMIT = 4 * 1024 * 1024;

/**
 * One GET on a connection of its own, which follows no redirect. A certificate that proves nothing is told, not refused:
 * nothing secret is sent, and what answers behind it is worth knowing. Throws `ClusterError` when there is no answer
 * within the time.
 */
export function visit(url: string, timeoutMilliseconds: number, addresses: Addresses): Promise<Visit> {
  const { protocol, hostname, port } = new URL(url);
  const isSecure = protocol === 'https:';
  const host = `${hostname}:${port || (isSecure ? 443 : 80)}`;
  const address = addresses.get(host);
  return new Promise((resolve, reject) => {
    const fail = (error: NodeJS.ErrnoException) =>
      reject(new ClusterError('unreachable', `no answer: ${error.message || error.code}`));
    const options = {
      agent: false,
      headers: { 'cache-control': 'no-cache', 'user-agent': 'moneywise-deploy' },
      ...(address === undefined ? {} : { lookup: always(address) }),
      ...(isSecure ? { rejectUnauthorized: false } : {}),
    };
    const request = (isSecure ? httpsRequest : httpRequest)(url, options, (response) => {
      // Before the body is read: the socket forgets it when it is closed.
      const certificate = isSecure ? certificateOf(response.socket as TLSSocket, hostname, host) : undefined;
      bodyOf(response).then((body) => {
        const { statusCode: status = 0, headers } = response;
        const { location } = headers;
        const answer = { status, body, ...(location === undefined ? {} : { location }) };
        resolve({ answer, ...(certificate ? { certificate } : {}) });
      }, fail);
    });
    const clock = setTimeout(
      () => request.destroy(new Error(`nothing whole within ${timeoutMilliseconds / 1000} s`)),
      timeoutMilliseconds,
    );
    request
      .on('error', fail)
      .on('close', () => clearTimeout(clock))
      .end();
  });
}

function always(address: string): LookupFunction {
  const family = address.includes(':') ? 6 : 4;
  return (_, { all }, done) => (all ? done(null, [{ address, family }]) : done(null, address, family));
}

async function bodyOf(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > BODY_LIMIT) throw new Error(`a body of more than ${BODY_LIMIT / 1024 / 1024} MiB`);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** What the server on the other end of a socket showed. */
function certificateOf(socket: TLSSocket, hostname: string, host: string): Certificate {
  const leaf = socket.getPeerCertificate(true);
  // Node looks at the name only where the chain is good; here both are told.
  const mismatch = checkServerIdentity(hostname, leaf)?.message;
  const refusal = socket.authorizationError as unknown as string | null;
  const isName = refusal?.startsWith('ERR_TLS_CERT_ALTNAME');
  const problems = [
    ...(refusal && !isName ? [`${REASONS[refusal] ?? 'it is refused'} (${refusal})`] : []),
    ...(mismatch ? [mismatch.replace(/^Hostname\/IP does not match certificate's altnames: /, '')] : []),
  ];
  return {
    host,
    issuer: String(leaf.issuer?.O ?? leaf.issuer?.CN ?? 'nobody'),
    validUntil: new Date(Math.min(...chainOf(leaf).map((one) => Date.parse(one.valid_to)))).toISOString(),
    ...(problems.length > 0 ? { problem: problems.join('; ') } : {}),
  };
}

/** A certificate, who issued it, and so on. The last one is its own issuer. */
function chainOf(leaf: DetailedPeerCertificate): DetailedPeerCertificate[] {
  const { issuerCertificate: issuer } = leaf;
  return issuer && issuer.fingerprint256 !== leaf.fingerprint256 ? [leaf, ...chainOf(issuer)] : [leaf];
}

const REASONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'it has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its authority is not known here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its authority is not known here, or the server leaves out an intermediate one',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its authority is not known here, or the server leaves out an intermediate one',
};
