import { load } from 'js-yaml';
import { z } from 'zod';
import type { KubeObject, PodTemplate, Rollout } from '../cluster/objects.ts';
import { type Policy, policySchema, questionsOf } from './policy.ts';
import { checkedRollout } from './shape.ts';
import { UsageError } from './usage.ts';

/** One Rollout of a release, as the manifests ask for it. */
export interface Member {
  readonly name: string;
  /** Annotation `moneywise.app/promotion-order`, default 0: low switches first, the way back runs in reverse. */
  readonly order: number;
  /** The pod template that must be live for the member to be on the wanted revision. */
  readonly template: PodTemplate;
  /** The template's pod-template hash, where it is known beforehand: on the way back to a revision that there was. */
  readonly revision?: string;
  readonly activeService: string;
  readonly previewService?: string;
  /** Whether the controller analyses the preview before the switch. */
  readonly analysedBefore: boolean;
  /** Whether the controller analyses the active Service after the switch. */
  readonly analysedAfter: boolean;
  /** Whether a hold in that analysis, in these manifests, keeps it abortable until the whole set settles. */
  readonly isHeld: boolean;
}

/** What a manifests folder asks for. */
export interface Plan {
  /** The namespace that the Rollouts name, if they name one. */
  readonly namespace?: string;
  /** In the order of the switch, then by name. */
  readonly members: readonly Member[];
  /** Names of the Jobs that must be complete before any member counts as prepared. */
  readonly jobs: readonly string[];
  readonly policy: Policy;
}

/** On a Rollout: an integer; members with a lower one switch first. */
export const ORDER_ANNOTATION = 'moneywise.app/promotion-order';
/** On a Job: `"true"` makes the release wait for it. */
export const JOB_ANNOTATION = 'moneywise.app/release-job';
/** The init container of such a Job that looks at the values of the application's Secrets, so that nobody else has to read them. */
export const VALUES_CHECK = 'check-values';
/** What it ends with when a value breaks a rule, each of which it has said on a line; anything else is no verdict. */
export const VALUES_WRONG = 64;
/** The ConfigMap with the policy, and its key. */
export const POLICY_CONFIG_MAP = 'release-policy';
export const POLICY_KEY = 'policy.yaml';

/** An image pin that renders but stands for no image: what a pins file holds before the first release. */
const PLACEHOLDER_DIGEST = /@sha256:0{64}$/;

/** Where objects were read from, for what is said about them. */
export interface Source {
  /** What all of them are called together. */
  readonly name: string;
  /** The file of one of them. */
  readonly fileOf: (object: KubeObject) => string | undefined;
  /** For those who only look: image pins that stand for no image are theirs to tell, not an error. */
  readonly allowsPlaceholders?: boolean;
}

/** Reads the plan out of a folder's objects. Throws `UsageError`. */
export function planOf(
  objects: readonly KubeObject[],
  source: Source = { name: 'these manifests', fileOf: () => undefined },
): Plan {
  const rollouts = objects.filter((o) => o.kind === 'Rollout' && o.apiVersion.startsWith('argoproj.io/'));
  if (rollouts.length === 0) {
    throw new UsageError(
      `no Rollout in ${source.name}: a release needs at least one (is this an overlay of plain Deployments?)`,
    );
  }
  const placeOf = (rollout: KubeObject) => {
    const file = source.fileOf(rollout);
    return `${file ? `${file}: ` : ''}Rollout ${rollout.metadata.name}`;
  };
  const twice = rollouts.find((rollout, i) => rollouts.findIndex((r) => r.metadata.name === rollout.metadata.name) < i);
  if (twice) throw new UsageError(`${placeOf(twice)} stands twice in ${source.name}: keep one`);
  const services = new Set(objects.filter((o) => o.kind === 'Service').map((o) => o.metadata.name));
  const policy = policyOf(objects);
  const held = new Set(
    objects
      .filter((o) => o.kind === 'AnalysisTemplate' && metricsOf(o).includes(policy.holdMetric))
      .map((o) => o.metadata.name),
  );
  const members = rollouts.map((rollout) =>
    memberOf(checkedRollout(rollout, placeOf(rollout)), services, held, placeOf(rollout)),
  );
  const placeholder = placeholdersIn(objects).find(({ object }) => rollouts.includes(object));
  if (placeholder && !source.allowsPlaceholders) {
    const { object, container, image } = placeholder;
    throw new UsageError(
      `${placeOf(object)}: container ${container} carries the placeholder ${image}: pin the digest of a released image and render again`,
    );
  }
  const namespaces = [...new Set(rollouts.map((rollout) => rollout.metadata.namespace))];
  if (namespaces.length > 1) {
    throw new UsageError(`the Rollouts name several namespaces (${namespaces.join(', ')}): a release lives in one`);
  }
  const questions = questionsOf(policy).map(({ name }) => name);
  const same = questions.find((name, i) => questions.indexOf(name) !== i);
  if (same) throw new UsageError(`release-policy: two health checks or queries are called "${same}": rename one`);
  return {
    ...(namespaces[0] === undefined ? {} : { namespace: namespaces[0] }),
    members: members.sort((a, b) => a.order - b.order || a.name.localeCompare(b.name, 'en')),
    jobs: objects
      .filter((o) => o.kind === 'Job' && o.metadata.annotations?.[JOB_ANNOTATION] === 'true')
      .map((o) => o.metadata.name),
    policy,
  };
}

/** Names of an AnalysisTemplate's metrics. */
function metricsOf(template: KubeObject): string[] {
  const { spec } = template as { spec?: { metrics?: unknown } };
  return Array.isArray(spec?.metrics) ? spec.metrics.map((metric) => metric?.name) : [];
}

function memberOf(rollout: Rollout, services: ReadonlySet<string>, held: ReadonlySet<string>, at: string): Member {
  const blueGreen = rollout.spec?.strategy?.blueGreen;
  const template = rollout.spec?.template;
  if (!blueGreen)
    throw new UsageError(`${at}: spec.strategy.blueGreen is missing: only blue-green Rollouts are promoted as a set`);
  if (rollout.spec.workloadRef || !template) {
    throw new UsageError(
      `${at}: spec.template is missing: a Rollout with workloadRef skips its own gates (argo-rollouts #4503), give it a template`,
    );
  }
  if (blueGreen.autoPromotionEnabled !== false) {
    throw new UsageError(
      `${at}: spec.strategy.blueGreen.autoPromotionEnabled must be false, or the controller switches it alone`,
    );
  }
  if (rollout.spec.rollbackWindow) {
    throw new UsageError(
      `${at}: spec.rollbackWindow must not be set: an older revision within it is neither judged nor paused, and never goes live`,
    );
  }
  for (const [field, service] of [
    ['activeService', blueGreen.activeService],
    ['previewService', blueGreen.previewService],
  ] as const) {
    if (field === 'previewService' && service === undefined) continue;
    if (!service || !services.has(service)) {
      throw new UsageError(
        `${at}: spec.strategy.blueGreen.${field} is ${service ? `"${service}", a Service that` : 'missing, and'} these manifests do not hold: add that Service`,
      );
    }
  }
  const order = rollout.metadata.annotations?.[ORDER_ANNOTATION] ?? '0';
  if (!/^-?\d{1,6}$/.test(order)) {
    throw new UsageError(`${at}: annotation ${ORDER_ANNOTATION} is "${order}": it must be a whole number`);
  }
  return {
    name: rollout.metadata.name,
    order: Number(order),
    template,
    activeService: blueGreen.activeService,
    ...(blueGreen.previewService ? { previewService: blueGreen.previewService } : {}),
    analysedBefore: (blueGreen.prePromotionAnalysis?.templates?.length ?? 0) > 0,
    analysedAfter: (blueGreen.postPromotionAnalysis?.templates?.length ?? 0) > 0,
    isHeld: (blueGreen.postPromotionAnalysis?.templates ?? []).some(({ templateName }) => held.has(templateName)),
  };
}

/** Containers of Rollouts and Jobs whose image pin stands for no image yet. */
export function placeholdersIn(objects: readonly KubeObject[]) {
  return objects.flatMap((object) =>
    containersOf((object as Partial<Rollout>).spec?.template ?? {})
      .filter(({ image }) => PLACEHOLDER_DIGEST.test(image ?? ''))
      .map(({ name, image }) => ({ object, container: name, image })),
  );
}

/** All containers that a pod template names, init containers included. */
export function containersOf(template: PodTemplate) {
  return [...(template.spec?.initContainers ?? []), ...(template.spec?.containers ?? [])];
}

/** The policy that these objects hold, or the stated defaults. Throws `UsageError`. */
export function policyOf(objects: readonly KubeObject[]): Policy {
  const map = objects.find((o) => o.kind === 'ConfigMap' && o.metadata.name === POLICY_CONFIG_MAP);
  if (!map) return policySchema.parse({});
  const text = (map as { data?: Record<string, string> }).data?.[POLICY_KEY];
  if (text === undefined)
    throw new UsageError(`ConfigMap ${POLICY_CONFIG_MAP}: key ${POLICY_KEY} is missing: put the policy there`);
  let data: unknown;
  try {
    data = load(text);
  } catch (error) {
    throw new UsageError(
      `ConfigMap ${POLICY_CONFIG_MAP}: ${POLICY_KEY} is not YAML: ${(error as Error).message.split('\n')[0]}`,
    );
  }
  const parsed = policySchema.safeParse(data);
  if (!parsed.success) {
    throw new UsageError(
      `ConfigMap ${POLICY_CONFIG_MAP}: ${POLICY_KEY} is not a policy:\n${z.prettifyError(parsed.error)}`,
    );
  }
  return parsed.data;
}
