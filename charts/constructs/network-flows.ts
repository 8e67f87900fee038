import { Construct } from 'constructs';
import * as kplus from '../kplus.ts';

/** Pods of this namespace, by their name label. */
export interface PodsPeer {
  readonly pods: string;
}

/** Who is not policed here: pods of another namespace, or addresses outside the cluster. */
export type OutsidePeer =
  | { readonly namespace: string; readonly podLabels?: Readonly<Record<string, string>> }
  | { readonly cidrs: readonly string[]; readonly except?: readonly string[] };

/** Somebody who may open connections to somebody else. */
export interface Flow {
  readonly from: PodsPeer | OutsidePeer;
  readonly to: PodsPeer | OutsidePeer;
  /** Port numbers of the pods that are reached, not of a Service. */
  readonly ports: readonly number[];
  /** @default ['TCP'] */
  readonly protocols?: readonly ('TCP' | 'UDP')[];
}

export interface NetworkFlowsProps {
  /** Every flow there is; whatever is not in here is denied. */
  readonly flows: readonly Flow[];
  /** The value of `app.kubernetes.io/instance` on the pods. */
  readonly instance: string;
}

/**
 * The namespace's network policies: one that denies everything in both directions, and for each kind of pod one with the
 * flows it takes part in. A flow is written once, so both of its ends are opened or neither is.
 */
export class NetworkFlows extends Construct {
  constructor(scope: Construct, id: string, { flows, instance }: NetworkFlowsProps) {
    super(scope, id);
    new kplus.k8s.KubeNetworkPolicy(this, 'Deny', {
      metadata: { name: 'default-deny' },
      spec: { podSelector: {}, policyTypes: ['Ingress', 'Egress'] },
    });
    const selector = (pods: string) => ({
      matchLabels: { 'app.kubernetes.io/name': pods, 'app.kubernetes.io/instance': instance },
    });
    const peers = (peer: PodsPeer | OutsidePeer): kplus.k8s.NetworkPolicyPeer[] => {
      if ('pods' in peer) return [{ podSelector: selector(peer.pods) }];
      if ('namespace' in peer) {
        const { namespace, podLabels = {} } = peer;
        const namespaceSelector = { matchLabels: { 'kubernetes.io/metadata.name': namespace } };
        // No podSelector and an empty one mean the same here: all pods of that namespace.
        return [{ namespaceSelector, podSelector: { matchLabels: { ...podLabels } } }];
      }
      const except = peer.except ?? [];
      return peer.cidrs.map((cidr) => ({ ipBlock: { cidr, ...(except.length > 0 ? { except: [...except] } : {}) } }));
    };
    const ports = ({ ports, protocols = ['TCP'] }: Flow): kplus.k8s.NetworkPolicyPort[] =>
      ports.flatMap((port) =>
        protocols.map((protocol) => ({ port: kplus.k8s.IntOrString.fromNumber(port), protocol })),
      );

    const named = flows.flatMap(({ from, to }) => [from, to]).flatMap((peer) => ('pods' in peer ? [peer.pods] : []));
    for (const pods of new Set(named)) {
      const isIt = (peer: PodsPeer | OutsidePeer) => 'pods' in peer && peer.pods === pods;
      new kplus.k8s.KubeNetworkPolicy(this, pods, {
        metadata: { name: pods },
        spec: {
          podSelector: selector(pods),
          policyTypes: ['Ingress', 'Egress'],
          ingress: flows.filter(({ to }) => isIt(to)).map((flow) => ({ from: peers(flow.from), ports: ports(flow) })),
          egress: flows.filter(({ from }) => isIt(from)).map((flow) => ({ to: peers(flow.to), ports: ports(flow) })),
        },
      });
    }
  }
}
