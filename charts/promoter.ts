import type { Construct } from 'constructs';
import type { Overlay } from '../overlays/overlay.ts';
import { permissionsFor } from '../promotion/cluster/permissions.ts';
import { policySchema } from '../promotion/plan/policy.ts';
import { secretKeys } from './backend-environment.ts';
import * as kplus from './kplus.ts';
import { labelsOf } from './labels.ts';
import { OverlayChart } from './overlay-chart.ts';
import { releasePolicy } from './release-policy.ts';

const name = 'promoter';

/** Who may promote: an identity with what a promotion asks for in this namespace and nothing else; none without Rollouts. */
export class PromoterChart extends OverlayChart {
  constructor(scope: Construct, file: string, overlay: Overlay) {
    super(scope, file, overlay, labelsOf(overlay, name, 'promotion'));
    if (overlay.strategy.kind !== 'blue-green') return;
    // What is needed in another namespace (Prometheus) is for its owner to grant: docs/rights.md.
    const policy = policySchema.parse(releasePolicy(overlay));
    const secrets = [...secretKeys(overlay).keys()];
    const permissions = permissionsFor(policy, secrets).filter((p) => !p.namespace);
    // No pod runs as it: whoever promotes asks for a token of it that expires.
    new kplus.k8s.KubeServiceAccount(this, 'account', { metadata: { name }, automountServiceAccountToken: false });
    new kplus.k8s.KubeRole(this, 'role', {
      metadata: { name },
      rules: permissions.map(({ group, resource, names, verbs }) => ({
        apiGroups: [group],
        resources: [resource],
        ...(names ? { resourceNames: [...names] } : {}),
        verbs: [...verbs],
      })),
    });
    new kplus.k8s.KubeRoleBinding(this, 'binding', {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace: overlay.namespace }],
    });
  }
}
