import { type EndpointSlice, SERVICE_NAME } from '../cluster/objects.ts';
import type { Member } from '../plan/plan.ts';
import type { Observation } from './observation.ts';

/** Why the active Service does not serve exactly `hash` yet, read from its endpoints; undefined when it does. */
export function servingProblem(o: Observation, member: Member, hash: string): string | undefined {
  const nothing = hasNone(o, member);
  if (nothing) return nothing;
  const foreign = readyEndpoints(o, member).find((endpoint) => !isOf(endpoint, member, hash));
  return foreign && stillHas(member, foreign);
}

/** Why the active Service of a canary has no traffic for `hash` beside the other revision; undefined when it has. */
export function sharingProblem(o: Observation, member: Member, hash: string): string | undefined {
  return readyEndpoints(o, member).some((endpoint) => isOf(endpoint, member, hash))
    ? undefined
    : `active Service ${member.activeService} has no ready endpoint of revision ${hash}`;
}

/** Why the active Service is not rid of `hash`; undefined when it serves without it. */
export function riddanceProblem(o: Observation, member: Member, hash: string): string | undefined {
  const nothing = hasNone(o, member);
  if (nothing) return nothing;
  const rejected = readyEndpoints(o, member).find((endpoint) => isOf(endpoint, member, hash));
  return rejected && stillHas(member, rejected);
}

type Ready = NonNullable<EndpointSlice['endpoints']>[number];

function readyEndpoints(o: Observation, { activeService }: Member): Ready[] {
  return [...o.endpointSlices.values()]
    .filter((slice) => slice.metadata.labels?.[SERVICE_NAME] === activeService)
    .flatMap((slice) => slice.endpoints ?? [])
    .filter((endpoint) => endpoint.conditions?.ready !== false);
}

function hasNone(o: Observation, member: Member): string | undefined {
  // A pod on its way out may be announced as ready all the same (publishNotReadyAddresses).
  return readyEndpoints(o, member).every((endpoint) => endpoint.conditions?.terminating)
    ? `active Service ${member.activeService} has no ready endpoint`
    : undefined;
}

function isOf({ targetRef }: Ready, { name }: Member, hash: string): boolean {
  return targetRef?.name?.startsWith(`${name}-${hash}-`) === true;
}

function stillHas({ activeService }: Member, { addresses, targetRef }: Ready): string {
  return `active Service ${activeService} still has endpoint ${targetRef?.name ?? addresses?.[0]}`;
}
