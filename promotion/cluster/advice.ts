import type { ClusterError } from './port.ts';

/** What a person does about a cluster that refuses the first look at it. */
export function adviceOn({ code, message }: Pick<ClusterError, 'code' | 'message'>): string {
  switch (code) {
    case 'unauthenticated':
      return 'log in again, or choose other credentials with --kubeconfig or --context';
    case 'forbidden':
      return adviceOnRights(message);
    case 'not-found':
      return 'this cluster has no Argo Rollouts: install its CRDs and controller first';
    case 'unreachable':
      return 'nothing was touched: check the network and the server of the kubeconfig, then run the same command again';
    default:
      return 'is this the API server of a Kubernetes cluster?';
  }
}

/** Role and ServiceAccount of who promotes, as the rendered manifests call them. */
const ROLE = 'promoter';

/** Names the missing verb as the API server's refusal does, and the Role that has it. */
function adviceOnRights(message: string): string {
  const [, verb, resource, , group] = /cannot (\S+) resource "([^"]+)"( in API group "([^"]*)")?/.exec(message) ?? [];
  const missing = verb === undefined ? 'what is missing' : `"${verb}" on ${group ? `${resource}.${group}` : resource}`;
  return `grant this user ${missing}: Role ${ROLE} of the rendered manifests has it, as ServiceAccount ${ROLE} does (docs/rights.md)`;
}
