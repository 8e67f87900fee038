import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../../testbed/run.ts';
import { kubectl, run } from './kubectl.ts';

const SECRETS = ['imports/external-secrets.io.ts', 'github.com/external-secrets/external-secrets'] as const;
const MONITORING = ['imports/monitoring.coreos.com.ts', 'github.com/prometheus-operator/prometheus-operator'] as const;
const GATEWAY = ['imports/gateway.networking.k8s.io.ts', 'sigs.k8s.io/gateway-api'] as const;
const ARGO_CD = ['imports/argoproj.io.ts', 'github.com/argoproj/argo-cd/v3'] as const;

/**
 * CRD beside those of Argo Rollouts → the import with its types, whose first line names the version of the module, that
 * module, and the file there.
 */
const FOREIGN = {
  'externalsecrets.external-secrets.io': [...SECRETS, 'config/crds/bases/external-secrets.io_externalsecrets.yaml'],
  'prometheusrules.monitoring.coreos.com': [
    ...MONITORING,
    'example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml',
  ],
  'servicemonitors.monitoring.coreos.com': [
    ...MONITORING,
    'example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml',
  ],
  'httproutes.gateway.networking.k8s.io': [...GATEWAY, 'config/crd/standard/gateway.networking.k8s.io_httproutes.yaml'],
  'applications.argoproj.io': [...ARGO_CD, 'manifests/crds/application-crd.yaml'],
  'appprojects.argoproj.io': [...ARGO_CD, 'manifests/crds/appproject-crd.yaml'],
} as const;

/** Gives the cluster the CRDs that rendered manifests rely on and it does not have; returns how to take them away again. */
export async function installForeignCrds(): Promise<() => Promise<void>> {
  const installed: string[] = [];
  for (const [name, [types, path, file]] of Object.entries(FOREIGN)) {
    if (await kubectl(['get', 'crd', name, '--ignore-not-found', '-o', 'name'])) continue;
    const [head = ''] = (await readFile(types, 'utf8')).split('\n');
    const module = head.split(' ').find((word) => word.startsWith(`${path}@`));
    if (!module) throw new Error(`${types} does not say which version of ${path} it was made from`);
    const { code, stdout, stderr } = await run('go', ['mod', 'download', '-json', module]);
    if (code !== 0) throw new Error(`go mod download ${module}: ${stderr || stdout}`);
    await kubectl(['apply', '--server-side', '-f', join(JSON.parse(stdout).Dir, file)]);
    // Asked a moment after it was made, kubectl fails at once: it has no conditions yet.
    await until(`CRD ${name} to be established`, 30, async () => {
      const argv = ['wait', '--for=condition=Established', '--timeout=5s', `crd/${name}`];
      return (await run('kubectl', argv)).code === 0;
    });
    // For a moment after that its storage is still being made, and no object of it can be listed.
    await until(`objects of CRD ${name}`, 30, async () => (await run('kubectl', ['get', name, '-A'])).code === 0);
    installed.push(name);
  }
  return async () => {
    for (const name of installed) await kubectl(['delete', 'crd', name, '--wait=false']);
  };
}
