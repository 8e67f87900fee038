import { type EndpointSlice, type Rollout, SERVICE_NAME } from '../cluster/objects.ts';
import type { Member } from '../plan/plan.ts';
import type { Observation } from './observation.ts';

/** Why the active Service does not serve exactly `hash` yet, read from its endpoints; undefined when it does. */
export function servingProblem(o: Observation, member: Member, hash: string): string | undefined {
  return exactly(o, member, activeOf(member), hash);
}

/** Why the preview Service does not lead to exactly `hash` yet, read from its endpoints; undefined when it does. */
export function previewProblem(o: Observation, member: Member, hash: string): string | undefined {
  return exactly(o, member, previewOf(member), hash);
}

/**
 * Why a router may still give `hash` some of the traffic: by the weight that the controller has set (`status.canary.weights`) and where
 * the Service leads that has it; undefined when it does not.
 */
export function routedProblem(o: Observation, member: Member, rollout: Rollout, hash: string): string | undefined {
  const preview = previewOf(member);
  const endpoint = readyEndpoints(o, preview.name).find((each) => isOf(each, member, hash));
  const weight = shareOf(rollout);
  return weight > 0 && endpoint ? `${stillHas(preview, endpoint)}, and ${weight} % of the traffic` : undefined;
}

/** What the controller has set in the router for the new revision, in percent of the traffic; 0 where it has set nothing. */
export const shareOf = ({ status }: Rollout): number => status?.canary?.weights?.canary.weight ?? 0;

/** Why the active Service of a canary has no traffic for `hash` beside the other revision; undefined when it has. */
export function sharingProblem(o: Observation, member: Member, hash: string): string | undefined {
  return readyEndpoints(o, member.activeService).some((endpoint) => isOf(endpoint, member, hash))
    ? undefined
    : `active Service ${member.activeService} has no ready endpoint of revision ${hash}`;
}

/** Why the active Service is not rid of `hash`; undefined when it serves without it. */
export function riddanceProblem(o: Observation, member: Member, hash: string): string | undefined {
  const active = activeOf(member);
  const nothing = hasNone(o, active);
  if (nothing) return nothing;
  const rejected = readyEndpoints(o, active.name).find((endpoint) => isOf(endpoint, member, hash));
  return rejected && stillHas(active, rejected);
}

/** A Service of a member, and what it is to it. */
interface Role {
  readonly role: 'active' | 'preview';
  readonly name: string;
}

const activeOf = ({ activeService }: Member): Role => ({ role: 'active', name: activeService });
const previewOf = ({ previewService = '' }: Member): Role => ({ role: 'preview', name: previewService });

function exactly(o: Observation, member: Member, service: Role, hash: string): string | undefined {
  const nothing = hasNone(o, service);
  if (nothing) return nothing;
  const foreign = readyEndpoints(o, service.name).find((endpoint) => !isOf(endpoint, member, hash));
  return foreign && stillHas(service, foreign);
}

type Ready = NonNullable<EndpointSlice['endpoints']>[number];

function readyEndpoints(o: Observation, service: string): Ready[] {
  return [...o.endpointSlices.values()]
    .filter((slice) => slice.metadata.labels?.[SERVICE_NAME] === service)
    .flatMap((slice) => slice.endpoints ?? [])
    .filter((endpoint) => endpoint.conditions?.ready !== false);
}

function hasNone(o: Observation, { name, role }: Role): string | undefined {
  // A pod on its way out may be announced as ready all the same (publishNotReadyAddresses).
  return readyEndpoints(o, name).every((endpoint) => endpoint.conditions?.terminating)
    ? `${role} Service ${name} has no ready endpoint`
    : undefined;
}

function isOf({ targetRef }: Ready, { name }: Member, hash: string): boolean {
  return targetRef?.name?.startsWith(`${name}-${hash}-`) === true;
}

function stillHas({ name, role }: Role, { addresses, targetRef }: Ready): string {
  return `${role} Service ${name} still has endpoint ${targetRef?.name ?? addresses?.[0]}`;
}
