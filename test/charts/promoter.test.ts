import { describe, expect, it } from 'vitest';
import { loadOverlay, parseOverlay } from '../../overlays/load.ts';
import { staging } from '../../overlays/staging.ts';
import { permissionsFor } from '../../promotion/cluster/permissions.ts';
import { policyOf } from '../../promotion/plan/plan.ts';
import { secretsOf } from '../../promotion/preflight/secrets.ts';
import { find, type KubeObject, objectsOf, ofKind } from './objects.ts';

const pins = { backend: loadOverlay('staging').pins.backend, web: loadOverlay('staging').pins.web };
const throughTheApiServer = parseOverlay(
  { ...staging, health: { checkVia: 'service' }, network: { apiServerCidrs: ['10.0.0.1/32'] } },
  pins,
);

/** What a Role grants, one line a right. */
const granted = (role: KubeObject) =>
  role.rules.flatMap(({ apiGroups, resources, verbs }: KubeObject) =>
    apiGroups.flatMap((group: string) =>
      resources.flatMap((resource: string) => verbs.map((verb: string) => `${verb} ${group}/${resource}`)),
    ),
  );

describe.each([
  ['whose health checks go by URL', loadOverlay('production')],
  ['whose health checks go through the API server', throughTheApiServer],
])('the Role of the promoter in an overlay %s', (_, overlay) => {
  const objects = objectsOf(overlay);
  const rights = granted(find(objects, 'Role', 'promoter'));

  it('grants what the table of permissions says for this release policy, and nothing else', () => {
    const wanted = permissionsFor(policyOf(objects), { secrets: ['some'], hasHashedConfigs: true })
      .filter(({ namespace }) => namespace === undefined)
      .flatMap(({ group, resource, verbs }) => verbs.map((verb) => `${verb} ${group}/${resource}`));
    expect([...rights].sort()).toEqual([...wanted].sort());
  });

  it('has no wildcard, and reaches the Secrets of its own pods only, to see whether they are there', () => {
    expect(rights.filter((right: string) => right.includes('*'))).toEqual([]);
    const rule = find(objects, 'Role', 'promoter').rules.find(({ resources }: KubeObject) =>
      resources.includes('secrets'),
    );
    expect(rule.verbs).toEqual(['get']);
    expect(rule.resourceNames).toEqual([...secretsOf(objects).keys()].sort());
    expect(ofKind(objects, 'ClusterRole').length + ofKind(objects, 'ClusterRoleBinding').length).toBe(0);
  });

  it('may ask Services only where a health check does', () => {
    expect(rights.includes('get /services/proxy')).toBe(overlay === throughTheApiServer);
  });

  it('is bound to one account, which no pod runs as and whose token no pod gets', () => {
    const { roleRef, subjects } = find(objects, 'RoleBinding', 'promoter');
    expect(roleRef).toMatchObject({ kind: 'Role', name: 'promoter' });
    expect(subjects).toEqual([{ kind: 'ServiceAccount', name: 'promoter', namespace: overlay.namespace }]);
    expect(find(objects, 'ServiceAccount', 'promoter').automountServiceAccountToken).toBe(false);
    expect(JSON.stringify(objects)).not.toContain('"serviceAccountName":"promoter"');
  });
});

it('an overlay of plain Deployments has no promoter', () => {
  expect(ofKind(objectsOf(loadOverlay('development')), 'Role')).toEqual([]);
});
