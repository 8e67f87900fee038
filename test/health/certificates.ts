import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A server's key and certificate, PEM. */
export interface KeyPair {
  readonly key: string;
  readonly cert: string;
}

/** An authority made by openssl, in a folder of its own. */
export interface Authority {
  /** File with its certificate, for NODE_EXTRA_CA_CERTS. */
  readonly file: string;
  /** A certificate for a host, for so many days from now; negative ones are over. */
  readonly issue: (host: string, days: number) => KeyPair;
  /** The same, signed by itself. */
  readonly selfSigned: (host: string) => KeyPair;
  readonly remove: () => void;
}

const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

const CONFIG = `[ca]
default_ca=here
[here]
database=index.txt
new_certs_dir=.
rand_serial=yes
unique_subject=no
default_md=sha256
policy=any
[any]
commonName=supplied
`;

/** A day from today as openssl writes it. */
function openSslDate(days: number): string {
  const date = new Date(Date.now() + days * 86_400_000).toISOString();
  return date.replaceAll(/[-:T]|\.\d+/g, '');
}

export function authority(): Authority {
  const folder = mkdtempSync(join(tmpdir(), 'moneywise-authority-'));
  const at = (name: string) => join(folder, name);
  const openssl = (...args: string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
  const selfSigned = (host: string) => {
    const name = `self-${host}`;
    const extensions = ['-subj', `/CN=${host}`, '-addext', `subjectAltName=DNS:${host}`];
    openssl('req', '-x509', ...KEY, '-days', '90', ...extensions, '-keyout', `${name}.key`, '-out', `${name}.pem`);
    return { key: readFileSync(at(`${name}.key`), 'utf8'), cert: readFileSync(at(`${name}.pem`), 'utf8') };
  };
  openssl('req', '-x509', ...KEY, '-days', '900', '-subj', '/O=Test Authority', '-keyout', 'ca.key', '-out', 'ca.pem');
  // `openssl x509` takes no end in the past, `openssl ca` does, and keeps a record of what it issued.
  writeFileSync(at('ca.conf'), CONFIG);
  writeFileSync(at('index.txt'), '');
  return {
    file: at('ca.pem'),
    issue(host, days) {
      const name = `${host}-${days}`;
      writeFileSync(at(`${name}.ext`), `subjectAltName=DNS:${host}\n`);
      openssl('req', ...KEY, '-subj', `/CN=${host}`, '-keyout', `${name}.key`, '-out', `${name}.csr`);
      const signing = ['-config', 'ca.conf', '-cert', 'ca.pem', '-keyfile', 'ca.key', '-extfile', `${name}.ext`];
      const dates = ['-startdate', openSslDate(-30), '-enddate', openSslDate(days)];
      openssl('ca', '-batch', '-notext', ...signing, ...dates, '-in', `${name}.csr`, '-out', `${name}.pem`);
      return { key: readFileSync(at(`${name}.key`), 'utf8'), cert: readFileSync(at(`${name}.pem`), 'utf8') };
    },
    selfSigned,
    remove: () => rmSync(folder, { recursive: true }),
  };
}
