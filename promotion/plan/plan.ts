import { load } from 'js-yaml';
import { z } from 'zod';
import type { KubeObject, Metric, PodTemplate, Rollout, Service } from '../cluster/objects.ts';
import { type Canary, canaryOf, serviceOfBoth, type Templates } from './canary.ts';
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
  /** Leads to what is live: with blue-green to one revision, with a canary to the pods of both, with a router to the stable one. */
  readonly activeService: string;
  readonly previewService?: string;
  /** The steps of a canary; absent with blue-green. */
  readonly canary?: Canary;
  /** Whether the controller analyses the preview before the switch. */
  readonly analysedBefore: boolean;
  /** Whether the controller analyses the active Service after the switch. */
  readonly analysedAfter: boolean;
  /** Whether a hold in that analysis, in these manifests, keeps it abortable until the whole set settles. */
  readonly isHeld: boolean;
}

/** A ConfigMap whose name ends with the hash of its content, so that each revision of a workload names its own. */
export interface HashedConfig {
  readonly name: string;
  /** Its name before the hash: what the label `moneywise.app/hashed-config` says. */
  readonly base: string;
}

/** What a manifests folder asks for. */
export interface Plan {
  /** The namespace that the Rollouts name, if they name one. */
  readonly namespace?: string;
  /** In the order of the switch, then by name. */
  readonly members: readonly Member[];
  /** Names of the Jobs that must be complete before any member counts as prepared. */
  readonly jobs: readonly string[];
  /** The hashed ConfigMaps of the folder. */
  readonly configs: readonly HashedConfig[];
  readonly policy: Policy;
}

/** On a Rollout: an integer; members with a lower one switch first. */
export const ORDER_ANNOTATION = 'moneywise.app/promotion-order';
/** Label of a hashed ConfigMap: its name before the hash. */
export const HASHED_CONFIG = 'moneywise.app/hashed-config';
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

/** As much of a folder's objects as a plan is read from: the same plan, in a few kilobytes. */
export function objectsOfPlan(objects: readonly KubeObject[]): KubeObject[] {
  return objects.flatMap((object): KubeObject[] => {
    const { apiVersion, kind, metadata } = object;
    if (['Rollout', 'AnalysisTemplate'].includes(kind)) return [object];
    if (kind === 'ConfigMap' && metadata.name === POLICY_CONFIG_MAP) return [object];
    // Of a Service also what it selects, where that is rendered.
    if (kind === 'Service') return [{ apiVersion, kind, metadata, ...selectorOf(object as Service) }];
    // Of these that they are there, and what they are marked with.
    return ['Job', 'ConfigMap'].includes(kind) ? [{ apiVersion, kind, metadata }] : [];
  });
}

function selectorOf({ spec }: Service): object {
  return spec?.selector ? { spec: { selector: spec.selector } } : {};
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
  const services = objects.filter((o) => o.kind === 'Service');
  const policy = policyOf(objects);
  const templates = new Map(
    objects.filter((o) => o.kind === 'AnalysisTemplate').map((o) => [o.metadata.name, metricsOf(o)]),
  );
  const around: Around = { services, templates, holdMetric: policy.holdMetric };
  const members = rollouts.map((rollout) => {
    const at = placeOf(rollout);
    return memberOf(checkedRollout(rollout, at), around, at);
  });
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
  const mixed = policy.healthChecks.find(
    ({ expect, target }) =>
      expect.version &&
      'service' in target &&
      members.some(({ activeService, canary }) => canary && activeService === target.service),
  );
  if (mixed) {
    throw new UsageError(
      `release-policy: health check ${mixed.name} wants one version of the Service of a canary, where both answer: ask its preview Service, or leave expect.version out`,
    );
  }
  return {
    ...(namespaces[0] === undefined ? {} : { namespace: namespaces[0] }),
    members: members.sort((a, b) => a.order - b.order || a.name.localeCompare(b.name, 'en')),
    jobs: objects
      .filter((o) => o.kind === 'Job' && o.metadata.annotations?.[JOB_ANNOTATION] === 'true')
      .map((o) => o.metadata.name),
    configs: objects.flatMap(({ kind, metadata: { name, labels } }) => {
      const base = kind === 'ConfigMap' ? labels?.[HASHED_CONFIG] : undefined;
      return base ? [{ name, base }] : [];
    }),
    policy,
  };
}

function metricsOf(template: KubeObject): Metric[] {
  const { spec } = template as { spec?: { metrics?: unknown } };
  return Array.isArray(spec?.metrics) ? spec.metrics.filter((metric) => typeof metric?.name === 'string') : [];
}

/** What a Rollout's strategy refers to. */
interface Around {
  readonly services: readonly KubeObject[];
  readonly templates: Templates;
  readonly holdMetric: string;
}

function memberOf(rollout: Rollout, around: Around, at: string): Member {
  const template = rollout.spec?.template;
  if (rollout.spec?.workloadRef || !template) {
    throw new UsageError(
      `${at}: spec.template is missing: a Rollout with workloadRef skips its own gates (argo-rollouts #4503), give it a template`,
    );
  }
  if (rollout.spec.rollbackWindow) {
    throw new UsageError(
      `${at}: spec.rollbackWindow must not be set: an older revision within it is neither judged nor paused, and never goes live`,
    );
  }
  const order = rollout.metadata.annotations?.[ORDER_ANNOTATION] ?? '0';
  if (!/^-?\d{1,6}$/.test(order)) {
    throw new UsageError(`${at}: annotation ${ORDER_ANNOTATION} is "${order}": it must be a whole number`);
  }
  const strategy = rollout.spec.strategy?.canary
    ? canaryMember(rollout, around, at)
    : blueGreenMember(rollout, around, at);
  return { name: rollout.metadata.name, order: Number(order), template, ...strategy };
}

type Strategy = Omit<Member, 'name' | 'order' | 'template'>;

function blueGreenMember(rollout: Rollout, around: Around, at: string): Strategy {
  const blueGreen = rollout.spec.strategy?.blueGreen;
  if (!blueGreen) {
    throw new UsageError(
      `${at}: spec.strategy has neither blueGreen nor canary: only such Rollouts are promoted as a set`,
    );
  }
  if (blueGreen.autoPromotionEnabled !== false) {
    throw new UsageError(
      `${at}: spec.strategy.blueGreen.autoPromotionEnabled must be false, or the controller switches it alone`,
    );
  }
  const { services, templates, holdMetric } = around;
  needService(services, blueGreen.activeService, 'blueGreen.activeService', at);
  if (blueGreen.previewService !== undefined)
    needService(services, blueGreen.previewService, 'blueGreen.previewService', at);
  return {
    activeService: blueGreen.activeService,
    ...(blueGreen.previewService ? { previewService: blueGreen.previewService } : {}),
    analysedBefore: (blueGreen.prePromotionAnalysis?.templates?.length ?? 0) > 0,
    analysedAfter: (blueGreen.postPromotionAnalysis?.templates?.length ?? 0) > 0,
    isHeld: (blueGreen.postPromotionAnalysis?.templates ?? []).some(({ templateName }) =>
      templates.get(templateName)?.some(({ name }) => name === holdMetric),
    ),
  };
}

function canaryMember(rollout: Rollout, { services, templates, holdMetric }: Around, at: string): Strategy {
  const canary = canaryOf(rollout, templates, holdMetric, at);
  const { canaryService: previewService, stableService } = rollout.spec.strategy?.canary ?? {};
  const isRouted = canary.routed !== undefined;
  if (isRouted || previewService !== undefined) needService(services, previewService, 'canary.canaryService', at);
  if (isRouted) needService(services, stableService, 'canary.stableService', at);
  return {
    activeService: isRouted && stableService ? stableService : serviceOfBoth(rollout, services, at),
    ...(previewService ? { previewService } : {}),
    canary,
    analysedBefore: canary.analyses.some((step) => step < canary.promotion),
    analysedAfter: true,
    isHeld: true,
  };
}

function needService(services: readonly KubeObject[], service: string | undefined, field: string, at: string): void {
  if (service && services.some(({ metadata: { name } }) => name === service)) return;
  throw new UsageError(
    `${at}: spec.strategy.${field} is ${service ? `"${service}", a Service that` : 'missing, and'} these manifests do not hold: add that Service`,
  );
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
