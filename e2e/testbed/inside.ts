import { run, until } from '../../testbed/run.ts';
import type { Testbed } from '../../testbed/testbed.ts';

/** Runs a command as a client of the cluster and gives what it printed. */
export const inside = async (testbed: Testbed, command: string[], input = ''): Promise<string> =>
  (await run(testbed.argv(command), { input })).trim();

const namespace = 'app';

export const kubectl = (testbed: Testbed, ...args: string[]): Promise<string> =>
  inside(testbed, ['kubectl', '-n', namespace, ...args]);

export const apply = (testbed: Testbed, ...items: object[]): Promise<string> =>
  inside(
    testbed,
    ['kubectl', '-n', namespace, 'apply', '-f', '-'],
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items }),
  );

/** Makes the tests' namespace, which admits only pods restricted by Pod Security, and waits until it admits those. */
export async function createNamespace(testbed: Testbed): Promise<void> {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted' };
  await apply(testbed, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace, labels } });
  await until('the ServiceAccount', 30, async () => {
    await kubectl(testbed, 'get', 'serviceaccount', 'default');
    return true;
  });
}

export async function awaitReady(testbed: Testbed, ...pods: string[]): Promise<void> {
  const names = pods.map((pod) => `pod/${pod}`);
  await kubectl(testbed, 'wait', '--for=condition=Ready', ...names, '--timeout=90s');
}

/** Asks, from a client of the cluster, until the answer is a success; gives its body. */
export async function answerOf(testbed: Testbed, url: string): Promise<string> {
  let body = '';
  await until(`an answer from ${url}`, 30, async () => {
    body = await inside(testbed, ['curl', '-sS', '-f', '-m', '3', url]);
    return true;
  });
  return body;
}

/** The status of one answer, 000 when there was none. */
export const statusOf = (testbed: Testbed, url: string, host?: string): Promise<string> =>
  inside(testbed, [
    'curl',
    '-sS',
    '-m',
    '3',
    '-o',
    '/dev/null',
    '-w',
    '%{http_code}',
    ...(host ? ['-H', `Host: ${host}`] : []),
    url,
  ]);
