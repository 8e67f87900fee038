import type { Overlay } from '../../overlays/overlay.ts';
import { secretKeys } from '../backend-environment.ts';
import { identityRules } from './identity.ts';
import { networkRules } from './network.ts';
import { performanceRules } from './performance.ts';
import { podRules } from './pods.ts';
import { referenceRules } from './references.ts';
import { releaseRules } from './release.ts';
import { Rendered, type RenderedObject } from './rendered.ts';
import { rolloutRules } from './rollouts.ts';
import { routeRules } from './routes.ts';
import { useRules } from './use.ts';

/** What is wrong with an object, and the fix. */
export interface Finding {
  readonly object: RenderedObject;
  readonly message: string;
}

/** What rules must know beside the objects. */
export interface PolicyContext {
  readonly imagePins: Overlay['imagePins'];
  /** The Secrets that there will be, with their keys. */
  readonly secrets: ReadonlyMap<string, readonly string[]>;
  /** Where the public, and who looks at what is not live yet, come in. */
  readonly hosts: Overlay['hosts'];
  /** The pods of other namespaces that there are, and the world outside. */
  readonly network: Pick<Overlay['network'], 'dns' | 'entry' | 'internet' | 'monitoring' | 'rollouts'>;
  /** Where pods reach the API server, if any have to. */
  readonly apiServer?: Extract<Overlay['promoter'], { kind: 'job' }>['apiServer'];
}

export function contextOf(overlay: Overlay): PolicyContext {
  const { hosts, imagePins, network, promoter } = overlay;
  return {
    hosts,
    imagePins,
    network,
    secrets: secretKeys(overlay),
    ...(promoter.kind === 'job' ? { apiServer: promoter.apiServer } : {}),
  };
}

/** A property that every synth must have. */
export type Rule = (rendered: Rendered, context: PolicyContext) => Finding[];

const rules: readonly Rule[] = [
  ...identityRules,
  ...podRules,
  ...rolloutRules,
  ...performanceRules,
  ...referenceRules,
  ...networkRules,
  ...routeRules,
  ...releaseRules,
  ...useRules,
];

/** Manifests that break a rule of this project; each line of the message names construct path, object and fix. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
}

/** @throws PolicyError with every finding, when there are any. */
export function enforcePolicy(objects: readonly RenderedObject[], context: PolicyContext): void {
  const rendered = new Rendered(objects);
  refuse(rules.flatMap((rule) => rule(rendered, context)));
}

/** @throws PolicyError with every finding, when there are any. */
export function refuse(findings: readonly Finding[]): void {
  if (findings.length > 0) throw new PolicyError([...new Set(findings.map(describe))].join('\n'));
}

function describe({ object: { manifest, path }, message }: Finding): string {
  const { namespace, name } = manifest.metadata;
  return `${path} (${manifest.kind} ${namespace ? `${namespace}/` : ''}${name}): ${message}`;
}
