import { BlockList } from 'node:net';
import type { KubeObject } from './objects.ts';
import { podTemplates } from './objects.ts';

// Evaluates rendered NetworkPolicies as the Kubernetes API defines them, because the testbed's network enforces none.

/** Somebody with an address: pods by their labels and namespace, or a host outside the cluster. */
export interface Party {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ip: string;
}

interface Port {
  readonly port: number;
  readonly protocol: 'TCP' | 'UDP';
}

const matches = (selector: KubeObject, labels: Readonly<Record<string, string>> = {}): boolean => {
  if (selector.matchExpressions) throw new Error('matchExpressions are not evaluated here');
  return Object.entries(selector.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
};

function inBlock(ip: string, { cidr, except = [] }: { cidr: string; except?: string[] }): boolean {
  const holds = (range: string) => {
    const [address = '', bits = ''] = range.split('/');
    const list = new BlockList();
    list.addSubnet(address, Number(bits));
    return list.check(ip);
  };
  return holds(cidr) && !except.some(holds);
}

function isPeer(peer: KubeObject, party: Party, own: string): boolean {
  if (peer.ipBlock) return party.labels === undefined && inBlock(party.ip, peer.ipBlock);
  if (party.labels === undefined) return false;
  const inNamespace = peer.namespaceSelector
    ? matches(peer.namespaceSelector, { 'kubernetes.io/metadata.name': party.namespace ?? '' })
    : party.namespace === own;
  return inNamespace && (!peer.podSelector || matches(peer.podSelector, party.labels));
}

/** Whether the policies of a namespace let one party open a connection to a port of another. */
export function allows(policies: readonly KubeObject[], from: Party, to: Party, { port, protocol }: Port): boolean {
  const side = (direction: 'ingress' | 'egress', policed: Party, peer: Party): boolean => {
    const type = direction === 'ingress' ? 'Ingress' : 'Egress';
    const selecting = policies.filter(
      ({ metadata, spec }) =>
        metadata.namespace === policed.namespace &&
        policed.labels !== undefined &&
        spec.policyTypes.includes(type) &&
        matches(spec.podSelector, policed.labels),
    );
    if (selecting.length === 0) return true;
    return selecting
      .flatMap(({ spec }) => spec[direction] ?? [])
      .some((rule: KubeObject) => {
        const peers: KubeObject[] = rule[direction === 'ingress' ? 'from' : 'to'] ?? [];
        const ports: KubeObject[] = rule.ports ?? [];
        return (
          (peers.length === 0 || peers.some((each) => isPeer(each, peer, policed.namespace ?? ''))) &&
          (ports.length === 0 || ports.some((each) => each.port === port && (each.protocol ?? 'TCP') === protocol))
        );
      });
  };
  return side('egress', from, to) && side('ingress', to, from);
}

/** Every kind of pod that the objects run, by its name label. */
export function podParties(objects: readonly KubeObject[]): Party[] {
  const found = new Map<string, Party>();
  for (const [, template] of podTemplates([...objects])) {
    const { labels } = template.metadata;
    const name = labels['app.kubernetes.io/name'];
    found.set(name, { name, namespace: objects[0].metadata.name, labels, ip: '10.244.0.9' });
  }
  return [...found.values()];
}

/** All that is allowed between these parties on these ports, e.g. `backend > postgres TCP 5432`. */
export function flowMatrix(
  objects: readonly KubeObject[],
  parties: readonly Party[],
  ports: readonly number[],
): string[] {
  const policies = objects.filter(({ kind }) => kind === 'NetworkPolicy');
  const own = objects[0].metadata.name;
  return parties.flatMap((from) =>
    parties.flatMap((to) => {
      // What is policed elsewhere, or nowhere, is not this namespace's matter.
      if (from.namespace !== own && to.namespace !== own) return [];
      return ports.flatMap((port) =>
        (['TCP', 'UDP'] as const)
          .filter((protocol) => allows(policies, from, to, { port, protocol }))
          .map((protocol) => `${from.name} > ${to.name} ${protocol} ${port}`),
      );
    }),
  );
}
