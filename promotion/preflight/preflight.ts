import { type KubeObject, POD_HASH, type Rollout } from '../cluster/objects.ts';
import { permissionsFor } from '../cluster/permissions.ts';
import { isObserved } from '../core/member.ts';
import type { Verdict } from '../core/observation.ts';
import { isAutomated } from '../gitops/application.ts';
import { letGoByHand, suspensionOf } from '../gitops/suspend.ts';
import { type Member, type Plan, placeholdersIn } from '../plan/plan.ts';
import { spareCapacity } from './capacity.ts';
import type { Facts } from './facts.ts';
import { checkNotifications } from './notifications.ts';
import { secretsOf } from './secrets.ts';
import { checkValues } from './values.ts';

/** One thing that a release needs. `unknown` is what this user or this cluster does not let one see. */
export interface Check {
  readonly area:
    | 'pins'
    | 'crds'
    | 'controller'
    | 'rights'
    | 'secrets'
    | 'services'
    | 'capacity'
    | 'argo-cd'
    | 'notifications';
  readonly subject: string;
  readonly verdict: Verdict['verdict'];
  /** What was found and, where it is not a pass, what to do. */
  readonly message: string;
}

/** The kinds of Argo Rollouts that a release rests on. */
const KINDS = ['rollouts', 'analysisruns', 'analysistemplates'];
/** Before this release any pod that turned unavailable during an analysis ended it and promoted (argo-rollouts #3724). */
const OLDEST = [1, 9, 0] as const;

/** Looks at everything that a release of these objects needs; writes nothing. Rejects only when the cluster does not answer. */
export async function preflight(
  plan: Plan,
  objects: readonly KubeObject[],
  facts: Facts,
  /** Of whoever looks: the variables that hold secrets. */
  environment: Readonly<Record<string, string | undefined>> = {},
): Promise<Check[]> {
  const groups = await Promise.all([
    checkPins(objects),
    checkKinds(facts),
    checkController(plan, facts),
    checkRights(plan, objects, facts),
    checkSecrets(objects, facts),
    checkValues(objects, facts),
    Promise.all(plan.members.map((member) => checkServices(member, facts))).then((checks) => checks.flat()),
    spareCapacity(objects, facts),
    checkApplication(plan, facts),
    checkNotifications(plan.policy.notifications, environment),
  ]);
  return groups.flat();
}

function checkPins(objects: readonly KubeObject[]): Check[] {
  const placeholders = placeholdersIn(objects);
  if (placeholders.length === 0)
    return [{ area: 'pins', subject: 'images', verdict: 'pass', message: 'every image pin names an image' }];
  return placeholders.map(({ object, container }) => ({
    area: 'pins',
    subject: `${object.kind} ${object.metadata.name}`,
    verdict: 'fail',
    message: `container ${container} carries the placeholder for an image: pin the digest of a released one and render again`,
  }));
}

async function checkKinds(facts: Facts): Promise<Check[]> {
  const kinds = await facts.argoKinds();
  const at = { area: 'crds', subject: 'argoproj.io/v1alpha1' } as const;
  if (kinds === 'hidden')
    return [{ ...at, verdict: 'unknown', message: 'this user may not see which kinds there are' }];
  const missing = kinds === 'absent' ? KINDS : KINDS.filter((kind) => !kinds.includes(kind));
  return [
    missing.length === 0
      ? { ...at, verdict: 'pass', message: `${KINDS.join(', ')} are there` }
      : { ...at, verdict: 'fail', message: `${missing.join(', ')} missing: install Argo Rollouts 1.9.0 or newer` },
  ];
}

/** The controller's Deployment where it can be seen, else what it has done with the Rollouts of this release. */
async function checkController(plan: Plan, facts: Facts): Promise<Check[]> {
  const found = await facts.controllers();
  if (found !== 'hidden' && found !== 'absent' && found.length > 0) {
    return found.map(({ namespace, name, version, available }) => {
      const at = { area: 'controller', subject: `Deployment ${namespace}/${name}` } as const;
      if (available < 1)
        return {
          ...at,
          verdict: 'fail',
          message: `no pod is available: kubectl -n ${namespace} describe deployment ${name}`,
        };
      if (version === undefined) return { ...at, verdict: 'unknown', message: 'alive; its image tag names no version' };
      return isOlder(version)
        ? { ...at, verdict: 'fail', message: `alive, but ${version} is too old: update it to 1.9.0 or newer` }
        : { ...at, verdict: 'pass', message: `alive, ${version}` };
    });
  }
  const why =
    found === 'hidden' ? 'this user may not see Deployments of other namespaces' : 'no Deployment is labelled as one';
  const at = { area: 'controller', subject: 'Argo Rollouts' } as const;
  const rollouts = await Promise.all(plan.members.map(({ name }) => facts.rollout(name)));
  const live = rollouts.filter((rollout): rollout is Rollout => typeof rollout === 'object');
  const unseen = live.find((rollout) => !isObserved(rollout));
  if (unseen) {
    const message = `${why}, and Rollout ${unseen.metadata.name} waits to be taken up: is a controller running that is responsible for it?`;
    return [{ ...at, verdict: 'fail', message }];
  }
  const message =
    live.length > 0
      ? `${why}; it has taken up every Rollout of this release so far`
      : `${why}: it is not known whether one runs`;
  return [{ ...at, verdict: 'unknown', message }];
}

function isOlder(version: string): boolean {
  const parts = version.replace(/^v/, '').split(/[.-]/).map(Number);
  const i = OLDEST.findIndex((oldest, n) => parts[n] !== oldest);
  return i >= 0 && (parts[i] ?? 0) < (OLDEST[i] ?? 0);
}

async function checkRights(plan: Plan, objects: readonly KubeObject[], facts: Facts): Promise<Check[]> {
  const needs = { secrets: [...secretsOf(objects).keys()], hasHashedConfigs: plan.configs.length > 0 };
  return Promise.all(
    permissionsFor(plan.policy, needs).map(async (permission): Promise<Check> => {
      const missing = await facts.missingVerbs(permission);
      const { namespace = facts.namespace, resource, verbs, purpose } = permission;
      return {
        area: 'rights',
        subject: resource,
        ...(missing.length === 0
          ? { verdict: 'pass', message: `may ${verbs.join(', ')}` }
          : {
              verdict: 'fail',
              message: `may not ${missing.join(', ')} (to ${purpose}): grant it in namespace ${namespace}`,
            }),
      };
    }),
  );
}

async function checkSecrets(objects: readonly KubeObject[], facts: Facts): Promise<Check[]> {
  return Promise.all(
    [...secretsOf(objects)].map(async ([name, wanted]): Promise<Check> => {
      const at = { area: 'secrets', subject: `Secret ${name}` } as const;
      const keys = await facts.secretKeys(name);
      const list = [...wanted].join(', ');
      if (keys === 'absent' && isSynced(name, objects)) {
        const message = `missing: apply these manifests and see why its ExternalSecret has not made it: kubectl -n ${facts.namespace} describe externalsecret`;
        return { ...at, verdict: 'fail', message };
      }
      if (keys === 'absent')
        return {
          ...at,
          verdict: 'fail',
          message: `missing: create it${list ? ` with the keys ${list}` : ''}, or pods wait for it`,
        };
      if (keys === 'hidden')
        return {
          ...at,
          verdict: 'unknown',
          message: `cannot be seen by this user${list ? `; the keys ${list} are needed` : ''}`,
        };
      const missing = [...wanted].filter((key) => !keys.includes(key));
      return missing.length === 0
        ? { ...at, verdict: 'pass', message: list ? `has ${list}` : 'is there' }
        : { ...at, verdict: 'fail', message: `has no key ${missing.join(', ')}: add what is missing` };
    }),
  );
}

/** Whether an ExternalSecret of these manifests makes that Secret. */
function isSynced(name: string, objects: readonly KubeObject[]): boolean {
  return objects.some((object) => {
    const { kind, metadata, spec } = object as KubeObject & { spec?: { target?: { name?: string } } };
    return kind === 'ExternalSecret' && (spec?.target?.name ?? metadata.name) === name;
  });
}

/** Without the controller's hash in the active Service's selector the next revision would go live ungated. */
async function checkServices({ activeService, canary, name, previewService }: Member, facts: Facts): Promise<Check[]> {
  const rollout = await facts.rollout(name);
  const stable = typeof rollout === 'object' ? rollout.status?.stableRS : undefined;
  const services = [activeService, ...(previewService ? [previewService] : [])];
  return Promise.all(
    services.map(async (service): Promise<Check> => {
      const at = { area: 'services', subject: `Service ${service}` } as const;
      const live = await facts.service(service);
      if (live === 'hidden') return { ...at, verdict: 'unknown', message: 'cannot be seen by this user' };
      if (!stable)
        return {
          ...at,
          verdict: 'pass',
          message: `${name} has no stable revision yet: its first deployment is not gated`,
        };
      if (live === 'absent') return { ...at, verdict: 'fail', message: 'missing: apply these manifests' };
      const hash = live.spec.selector?.[POD_HASH];
      if (canary && canary.routed === undefined && service === activeService) {
        if (!hash) return { ...at, verdict: 'pass', message: 'leads to the pods of both revisions' };
        return {
          ...at,
          verdict: 'fail',
          message: `selects revision ${hash} alone, and a canary divides its traffic by the pods of both; take the key away: kubectl -n ${facts.namespace} patch service ${service} --type json -p '[{"op":"remove","path":"/spec/selector/${POD_HASH}"}]'`,
        };
      }
      if (hash) return { ...at, verdict: 'pass', message: `selects revision ${hash}` };
      const patch = JSON.stringify({ spec: { selector: { [POD_HASH]: stable } } });
      return {
        ...at,
        verdict: 'fail',
        message: `has lost the controller's hash${service === activeService && !canary ? ', so the next revision would go live ungated' : ''}; put it back: kubectl -n ${facts.namespace} patch service ${service} --type merge -p '${patch}'`,
      };
    }),
  );
}

/** Whether the Application is there that applies these manifests, and may do so. */
async function checkApplication({ policy }: Plan, facts: Facts): Promise<Check[]> {
  const { application } = policy.git ?? {};
  if (!application) return [];
  const { name, namespace } = application;
  const at = { area: 'argo-cd', subject: `Application ${name}` } as const;
  const live = await facts.application(namespace, name);
  if (live === 'hidden') return [{ ...at, verdict: 'unknown', message: 'cannot be seen by this user' }];
  if (live === 'absent')
    return [{ ...at, verdict: 'fail', message: 'missing: kubectl apply --server-side -f dist/gitops' }];
  const left = suspensionOf(live);
  if (!left) return [{ ...at, verdict: 'pass', message: isAutomated(live) ? 'syncs by itself' : 'is synced by hand' }];
  return [
    {
      ...at,
      verdict: 'fail',
      message: `a run of release ${left.release} has suspended its automated sync (${left.since}) and has not ended: the next promote restores it, or by hand: ${letGoByHand(application)}`,
    },
  ];
}
