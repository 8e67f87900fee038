/** How nodes follow their endpoints: what of a switch under load is theirs. */
export const PROXIES: readonly Proxy[] = [
  { named: (who) => who },
  { delay: '10ms', named: (who) => `${who}, kube-proxy at 10 ms` },
];

interface Proxy {
  /** How long kube-proxy may put off what it is told; default: its own, 1 s. */
  readonly delay?: string;
  /** Whose figure it is on such a node, from whose it is. */
  readonly named: (who: string) => string;
}
