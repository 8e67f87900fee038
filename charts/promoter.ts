import type { Construct } from 'constructs';
import type { Overlay } from '../overlays/overlay.ts';
import { permissionsFor } from '../promotion/cluster/permissions.ts';
import { policySchema } from '../promotion/plan/policy.ts';
import { secretKeys } from './backend-environment.ts';
import * as kplus from './kplus.ts';
import { labelsOf } from './labels.ts';
import { promoterName as name, promoterStarterName } from './names.ts';
import { OverlayChart } from './overlay-chart.ts';
import { releasePolicy } from './release-policy.ts';

/** Who may promote: an identity with what a promotion asks for in this namespace and nothing else; none without Rollouts. */
export class PromoterChart extends OverlayChart {
  constructor(scope: Construct, file: string, overlay: Overlay) {
    super(scope, file, overlay, labelsOf(overlay, name, 'promotion'));
    if (overlay.strategy.kind !== 'blue-green') return;
    // What is needed in another namespace (Prometheus) is for its owner to grant: docs/rights.md.
    const policy = policySchema.parse(releasePolicy(overlay));
    const secrets = [...secretKeys(overlay).keys()];
    const permissions = permissionsFor(policy, { secrets, hasHashedConfigs: true }).filter((p) => !p.namespace);
    // A token reaches the promoter's own pods and nobody else's; who promotes from outside asks for one that expires.
    this.#account(name, overlay, {
      rules: permissions.map(({ group, resource, names, verbs }) => ({
        apiGroups: [group],
        resources: [resource],
        ...(names ? { resourceNames: [...names] } : {}),
        verbs: [...verbs],
      })),
    });
    if (overlay.promoter.kind === 'outside') return;
    // Whoever may make a Job may run it as anybody of the namespace, so this is no less than the promoter's rights: its own
    // account keeps them apart from a process that works on a release for minutes.
    this.#account(promoterStarterName, overlay, {
      rules: [{ apiGroups: ['batch'], resources: ['jobs'], verbs: ['get', 'create'] }],
    });
  }

  #account(name: string, { images, namespace, promoter }: Overlay, role: { rules: kplus.k8s.PolicyRule[] }): void {
    const id = (what: string) => (name === promoterStarterName ? `starter-${what}` : what);
    const pullSecret = promoter.kind === 'job' ? images.pullSecretName : undefined;
    new kplus.k8s.KubeServiceAccount(this, id('account'), {
      metadata: { name },
      automountServiceAccountToken: false,
      ...(pullSecret === undefined ? {} : { imagePullSecrets: [{ name: pullSecret }] }),
    });
    new kplus.k8s.KubeRole(this, id('role'), { metadata: { name }, ...role });
    new kplus.k8s.KubeRoleBinding(this, id('binding'), {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    });
  }
}
