import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { kubectl, run } from './kubectl.ts';

/** CRD beside those of Argo Rollouts → the import with its types, whose first line names the module, and its file there. */
const FOREIGN = {
  'externalsecrets.external-secrets.io': [
    'imports/external-secrets.io.ts',
    'config/crds/bases/external-secrets.io_externalsecrets.yaml',
  ],
  'prometheusrules.monitoring.coreos.com': [
    'imports/monitoring.coreos.com.ts',
    'example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml',
  ],
  'servicemonitors.monitoring.coreos.com': [
    'imports/monitoring.coreos.com.ts',
    'example/prometheus-operator-crd/monitoring.coreos.com_servicemonitors.yaml',
  ],
} as const;

/** Gives the cluster the CRDs that rendered manifests rely on and it does not have; returns how to take them away again. */
export async function installForeignCrds(): Promise<() => Promise<void>> {
  const installed: string[] = [];
  for (const [name, [types, file]] of Object.entries(FOREIGN)) {
    if (await kubectl(['get', 'crd', name, '--ignore-not-found', '-o', 'name'])) continue;
    const module = /^\/\/ From the CRDs of (\S+)/.exec(await readFile(types, 'utf8'))?.[1];
    if (!module) throw new Error(`${types} does not say which module it was made from`);
    const { code, stdout, stderr } = await run('go', ['mod', 'download', '-json', module]);
    if (code !== 0) throw new Error(`go mod download ${module}: ${stderr || stdout}`);
    await kubectl(['apply', '--server-side', '-f', join(JSON.parse(stdout).Dir, file)]);
    await kubectl(['wait', '--for=condition=Established', '--timeout=30s', `crd/${name}`]);
    installed.push(name);
  }
  return async () => {
    for (const name of installed) await kubectl(['delete', 'crd', name, '--wait=false']);
  };
}
