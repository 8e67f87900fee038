import type { ClusterError } from './port.ts';

/** What a person does about a cluster that refuses the first look at it. */
export function adviceOn({ code }: ClusterError): string {
  switch (code) {
    case 'unauthenticated':
      return 'log in again, or choose other credentials with --kubeconfig or --context';
    case 'forbidden':
      return 'grant this user the role of the promoter first';
    case 'not-found':
      return 'this cluster has no Argo Rollouts: install its CRDs and controller first';
    case 'unreachable':
      return 'nothing was touched: check the network and the server of the kubeconfig, then run the same command again';
    default:
      return 'is this the API server of a Kubernetes cluster?';
  }
}
