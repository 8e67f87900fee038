import type { Overlay } from '../../overlays/overlay.ts';
import { secretKeys } from '../backend-environment.ts';
import { identityRules } from './identity.ts';
import { networkRules } from './network.ts';
import { podRules } from './pods.ts';
import { referenceRules } from './references.ts';
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
  /** The pods of other namespaces that there are. */
  readonly network: Pick<Overlay['network'], 'dns' | 'entry' | 'monitoring' | 'rollouts'>;
}

export function contextOf(overlay: Overlay): PolicyContext {
  const { hosts, imagePins, network } = overlay;
  return { hosts, imagePins, network, secrets: secretKeys(overlay) };
}

/** A property that every synth must have. */
export type Rule = (rendered: Rendered, context: PolicyContext) => Finding[];

const rules: readonly Rule[] = [
  ...identityRules,
  ...podRules,
  ...rolloutRules,
  ...referenceRules,
  ...networkRules,
  ...routeRules,
  ...useRules,
];

/** Manifests that break a rule of this project; each line of the message names construct path, object and fix. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
}

/** @throws PolicyError with every finding, when there are any. */
export function enforcePolicy(objects: readonly RenderedObject[], context: PolicyContext): void {
  const rendered = new Rendered(objects);
  const findings = rules.flatMap((rule) => rule(rendered, context));
  if (findings.length > 0) throw new PolicyError([...new Set(findings.map(describe))].join('\n'));
}

function describe({ object: { manifest, path }, message }: Finding): string {
  const { namespace, name } = manifest.metadata;
  return `${path} (${manifest.kind} ${namespace ? `${namespace}/` : ''}${name}): ${message}`;
}
