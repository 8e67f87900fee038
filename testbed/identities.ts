import { randomBytes } from 'node:crypto';
import { appendFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Place } from './place.ts';
import { run } from './run.ts';

/** Writes the certificate authority, the certificates and the service account keys into the state folder's `pki`. */
export async function writeKeys(
  place: Place,
  serviceAddress: string,
  node: { name: string; address: string },
): Promise<void> {
  const pki = join(place.dir, 'pki');
  const openssl = (...args: string[]) => run(['openssl', ...args], { cwd: pki });
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  await openssl(
    'req',
    '-x509',
    ...curve,
    '-days',
    '30',
    '-subj',
    `/CN=testbed-${place.name}`,
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
  );
  await openssl('ecparam', '-name', 'prime256v1', '-genkey', '-noout', '-out', 'sa.key');
  await openssl('ec', '-in', 'sa.key', '-pubout', '-out', 'sa.pub');
  const certificate = async (name: string, subject: string, extension: string) => {
    await writeFile(join(pki, `${name}.ext`), extension);
    await openssl('req', ...curve, '-subj', subject, '-keyout', `${name}.key`, '-out', `${name}.csr`);
    const ca = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAserial', `${name}.srl`, '-CAcreateserial'];
    await openssl(
      'x509',
      '-req',
      '-in',
      `${name}.csr`,
      ...ca,
      '-days',
      '30',
      '-extfile',
      `${name}.ext`,
      '-out',
      `${name}.crt`,
    );
  };
  const cluster = ['', '.default', '.default.svc', '.default.svc.cluster.local'].map((rest) => `DNS:kubernetes${rest}`);
  const own = [place.address, serviceAddress, '127.0.0.1'].map((address) => `IP:${address}`);
  await Promise.all([
    certificate('apiserver', '/CN=kube-apiserver', `subjectAltName=${[...own, ...cluster].join(',')}`),
    certificate(
      'kubelet',
      `/O=system:nodes/CN=system:node:${node.name}`,
      `subjectAltName=IP:${node.address},DNS:${node.name}`,
    ),
    certificate('kubelet-client', '/O=system:masters/CN=kube-apiserver-kubelet-client', 'extendedKeyUsage=clientAuth'),
  ]);
}

/** Who may talk to the API server: the kubeconfig's file name → the user and its groups. */
const users = (node: string): Record<string, { user: string; groups: string }> => ({
  kubeconfig: { user: 'admin', groups: 'system:masters' },
  'controllers.kubeconfig': { user: 'system:kube-controller-manager', groups: '' },
  'scheduler.kubeconfig': { user: 'system:kube-scheduler', groups: '' },
  'proxy.kubeconfig': { user: 'system:kube-proxy', groups: '' },
  'dns.kubeconfig': { user: 'system:coredns', groups: '' },
  'kubelet.kubeconfig': { user: `system:node:${node}`, groups: 'system:nodes' },
});

/** Writes a kubeconfig for each user, whole in itself, and the file of tokens by which the API server knows them. */
export async function writeKubeconfigs(place: Place, node: string): Promise<void> {
  const authority = (await readFile(join(place.dir, 'pki', 'ca.crt'))).toString('base64');
  for (const [file, { user, groups }] of Object.entries(users(node))) {
    const token = randomBytes(16).toString('hex');
    await appendFile(join(place.dir, 'pki', 'tokens.csv'), `${token},${user},${user},"${groups}"\n`, { mode: 0o600 });
    const server = `https://${place.address}:${place.ports.api}`;
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'testbed', cluster: { server, 'certificate-authority-data': authority } }],
      users: [{ name: user, user: { token } }],
      contexts: [{ name: 'testbed', context: { cluster: 'testbed', user, namespace: 'default' } }],
      'current-context': 'testbed',
    };
    await writeFile(join(place.dir, file), `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  }
}
