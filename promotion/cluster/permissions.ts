import { type Policy, questionsOf } from '../plan/policy.ts';
import { CONFIG_USERS } from './port.ts';

/** What a promotion may do with one kind of object. */
export interface Permission {
  /** Where it is needed. @default the namespace of the release */
  readonly namespace?: string;
  /** API group; '' is the core one. */
  readonly group: string;
  /** As RBAC writes it: `rollouts`, or `rollouts/status` for a subresource. */
  readonly resource: string;
  /** The only objects that it is for. @default all of them */
  readonly names?: readonly string[];
  readonly verbs: readonly ('get' | 'list' | 'watch' | 'create' | 'patch' | 'delete')[];
  /** What it is needed for. */
  readonly purpose: string;
}

const READ = ['get', 'list', 'watch'] as const;

/**
 * Everything that a promotion asks of the API server, and no more: what `preflight` looks for. A test holds it against the
 * requests that promotions really send.
 */
export const PERMISSIONS: readonly Permission[] = [
  {
    group: 'argoproj.io',
    resource: 'rollouts',
    verbs: [...READ, 'patch'],
    purpose: 'follow the members, claim them, go back',
  },
  { group: 'argoproj.io', resource: 'rollouts/status', verbs: ['patch'], purpose: 'promote, abort' },
  {
    group: 'argoproj.io',
    resource: 'analysisruns',
    verbs: [...READ, 'patch', 'delete'],
    purpose: 'read verdicts, end the hold',
  },
  { group: 'apps', resource: 'replicasets', verbs: [...READ, 'patch'], purpose: 'retire what was rejected' },
  { group: '', resource: 'services', verbs: [...READ, 'patch'], purpose: 'read the switch back, undo it' },
  { group: 'discovery.k8s.io', resource: 'endpointslices', verbs: READ, purpose: 'see who really serves' },
  { group: '', resource: 'pods', verbs: READ, purpose: 'see whether the new pods stay well' },
  {
    group: 'autoscaling',
    resource: 'horizontalpodautoscalers',
    verbs: [...READ, 'patch'],
    purpose: 'keep the number of pods still during a switch',
  },
  { group: 'batch', resource: 'jobs', verbs: READ, purpose: 'wait for the migration' },
  { group: '', resource: 'configmaps', verbs: ['get', 'create', 'patch'], purpose: 'keep the journal' },
  {
    group: '',
    resource: 'secrets',
    verbs: ['get'],
    purpose: 'see by name whether those of the old revision are there',
  },
  {
    group: 'coordination.k8s.io',
    resource: 'leases',
    verbs: ['get', 'create', 'patch'],
    purpose: 'keep other runs out',
  },
  { group: '', resource: 'pods/log', verbs: ['get'], purpose: 'keep last log lines as evidence' },
  { group: '', resource: 'events', verbs: ['list'], purpose: 'keep events as evidence' },
];

/**
 * Needed as well where hashed ConfigMaps are rendered, to delete those that nothing needs any more. RBAC cannot limit `delete` to a
 * label, and the names are not known beforehand.
 */
export const CONFIG_PERMISSIONS: readonly Permission[] = [
  { group: '', resource: 'configmaps', verbs: ['list', 'delete'], purpose: 'delete configuration that nothing needs' },
  ...CONFIG_USERS.filter(({ plural }) => !PERMISSIONS.some(({ resource }) => resource === plural)).map(
    ({ group, plural }): Permission => ({
      group,
      resource: plural,
      verbs: ['list'],
      purpose: 'see which configuration is still needed',
    }),
  ),
];

/** Needed as well where the policy asks Services through the API server: one for each namespace that has them. */
function proxyPermissions(policy: Policy): Permission[] {
  const asked = questionsOf(policy).flatMap(({ target }) => ('service' in target ? [target] : []));
  const namespaces = new Set(asked.map((target) => ('namespace' in target ? target.namespace : undefined)));
  return [...namespaces].map((namespace) => ({
    group: '',
    resource: 'services/proxy',
    verbs: ['get'],
    purpose: 'ask Services through the API server',
    ...(namespace === undefined ? {} : { namespace }),
  }));
}

/** Needed as well where Argo CD syncs the release: of that one Application, in Argo CD's namespace. */
export function applicationPermissions({ git }: Policy): Permission[] {
  const { application } = git ?? {};
  if (!application) return [];
  return [
    {
      namespace: application.namespace,
      group: 'argoproj.io',
      resource: 'applications',
      names: [application.name],
      verbs: [...READ, 'patch'],
      purpose: 'keep Argo CD from putting back what was taken back, and wait for it',
    },
  ];
}

/** What the folder of a release has that needs rights of its own. */
export interface Needs {
  /** Names of the Secrets that its pods need: RBAC has no right to see that a Secret is there without the right to read it. */
  readonly secrets: readonly string[];
  /** Whether it has hashed ConfigMaps. */
  readonly hasHashedConfigs: boolean;
}

/** What a promotion under that policy asks for: all of it, and no more. */
export function permissionsFor(policy: Policy, { secrets, hasHashedConfigs }: Needs): readonly Permission[] {
  const all = PERMISSIONS.flatMap((permission) => {
    if (permission.resource !== 'secrets') return [permission];
    return secrets.length > 0 ? [{ ...permission, names: [...secrets].sort() }] : [];
  });
  return [
    ...all,
    ...(hasHashedConfigs ? CONFIG_PERMISSIONS : []),
    ...proxyPermissions(policy),
    ...applicationPermissions(policy),
  ];
}
