import { type EndpointSlice, POD_HASH } from '../../promotion/cluster/objects.ts';
import { RESOURCES } from '../../promotion/cluster/port.ts';
import type { View } from '../../promotion/cluster/view.ts';
import type { Request } from './load.ts';

/** From then on a member was seen to be on that version; milliseconds since 1970. */
export interface Sighting {
  readonly member: string;
  readonly at: number;
  readonly version: string;
}

/** What an active Service selects, and that with all of its ready endpoints. */
export const READ_BACK = ['the selector', 'selector and endpoints'] as const;
export type ReadBack = (typeof READ_BACK)[number];

/** What is counted of requests that `isWrong` says so of. */
export const wrongAfter = (by: ReadBack): string =>
  `answered by the wrong version, on connections opened after ${by} had been read back`;

/** What is measured by `afterglow`. */
export const stillAnswers = (by: ReadBack): string =>
  `the version before still answers, after ${by} had been read back`;

export const SEEN = {
  services: RESOURCES.services,
  endpointSlices: RESOURCES.endpointSlices,
  replicaSets: RESOURCES.replicaSets,
  pods: RESOURCES.pods,
};
export type Seeing = View<keyof typeof SEEN>;

/** Notes, until `stop`, when members are read back on which version; `versionOf` tells it from the image of a ReplicaSet. */
export function watchSightings(view: Seeing, members: readonly string[], versionOf: (image: string) => string) {
  const sightings: Record<ReadBack, Sighting[]> = { 'the selector': [], 'selector and endpoints': [] };
  let isOver = false;
  const see = (by: ReadBack, member: string, hash: string | undefined) => {
    const image = view.objects.replicaSets.get(`${member}-${hash}`)?.spec.template?.spec?.containers?.[0]?.image;
    if (image === undefined) return;
    const version = versionOf(image);
    if (sightings[by].findLast((sighting) => sighting.member === member)?.version === version) return;
    sightings[by].push({ member, at: Date.now(), version });
  };
  const look = () => {
    for (const member of members) {
      const hash = view.objects.services.get(member)?.spec.selector?.[POD_HASH];
      see('the selector', member, hash);
      const ready = readyHashes(view, member);
      if (ready.size === 1 && hash !== undefined && ready.has(hash)) see('selector and endpoints', member, hash);
    }
  };
  const follow = async () => {
    while (!isOver) {
      look();
      await view.changed();
    }
  };
  void follow();
  return {
    sightings: sightings as Readonly<Record<ReadBack, readonly Sighting[]>>,
    stop: () => {
      isOver = true;
    },
  };
}

/** The hashes of the pods that a member's active Service leads to. */
function readyHashes(view: Seeing, service: string): Set<string | undefined> {
  const slices = [...view.objects.endpointSlices.values()].filter(
    ({ metadata }: EndpointSlice) => metadata.labels?.['kubernetes.io/service-name'] === service,
  );
  const ready = slices.flatMap(({ endpoints }) => endpoints ?? []).filter(({ conditions }) => conditions?.ready);
  return new Set(ready.map(({ targetRef }) => targetRef?.name?.split('-').at(-2)));
}

/** The pods of a member that are not of its live revision. */
export function otherPods(view: Seeing, member: string): string[] {
  const hash = view.objects.services.get(member)?.spec.selector?.[POD_HASH];
  return [...view.objects.pods.values()]
    .filter(({ metadata }) => metadata.name.startsWith(`${member}-`) && metadata.labels?.[POD_HASH] !== undefined)
    .filter(({ metadata }) => metadata.labels?.[POD_HASH] !== hash)
    .map(({ metadata }) => metadata.name);
}

/** How long before it is read back a switch may already show, in milliseconds: a watch tells a moment later. */
const LAG = 1000;

/**
 * Whether a request was answered by a version that its member was not on at any time from when its connection was opened, as far
 * as that had been read back by then.
 */
export function isWrong(request: Request, sightings: readonly Sighting[]): boolean {
  if (request.version === undefined) return false;
  const own = sightings.filter(({ member }) => member === request.member);
  const before = own.findLast(({ at }) => at <= request.opened);
  const during = own.filter(({ at }) => at > request.opened && at <= request.end + LAG);
  return before !== undefined && ![before, ...during].some(({ version }) => version === request.version);
}

/** For each switch, how long the version before it went on to answer, in milliseconds; 0 where it did not at all. */
export function afterglow(requests: readonly Request[], sightings: readonly Sighting[]): number[] {
  return sightings.flatMap((sighting, at) => {
    const own = (one: { readonly member: string }) => one.member === sighting.member;
    const before = sightings.slice(0, at).findLast(own);
    if (!before) return [];
    const until = sightings.slice(at + 1).find(own)?.at ?? Number.POSITIVE_INFINITY;
    const late = requests.filter(
      (request) =>
        own(request) && request.version === before.version && request.end > sighting.at && request.end <= until,
    );
    return [Math.max(0, ...late.map(({ end }) => end - sighting.at))];
  });
}
