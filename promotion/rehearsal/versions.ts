import { createHash } from 'node:crypto';
import type { Container, KubeObject, PodTemplate, ReplicaSet, Rollout } from '../cluster/objects.ts';
import { JOB_ANNOTATION } from '../plan/plan.ts';
import { REPORTED_VERSION } from '../simulation/http.ts';

/** The three versions of a story: what is live when it begins, what is to go live, and what may come in between. */
export type Version = 'old' | 'new' | 'newer';

const MARKS = { old: 'before-the-rehearsal', newer: 'after-the-rehearsal' } as const;

/** A manifests folder as it is, and as it would have been one release earlier and later: with other images. */
export function versionsOf(objects: readonly KubeObject[]): Readonly<Record<Version, readonly KubeObject[]>> {
  return { old: marked(objects, 'old'), new: objects, newer: marked(objects, 'newer') };
}

/** Which of the versions of `versionsOf` the pods of a ReplicaSet are. */
export function versionOf(set: ReplicaSet): Version {
  const reported = set.spec.template?.metadata?.annotations?.[REPORTED_VERSION];
  return reported === MARKS.old ? 'old' : reported === MARKS.newer ? 'newer' : 'new';
}

function marked(objects: readonly KubeObject[], version: 'old' | 'newer'): KubeObject[] {
  return objects
    .filter(({ metadata }) => metadata.annotations?.[JOB_ANNOTATION] !== 'true') // the release's own, run once
    .map((object) => {
      if (object.kind !== 'Rollout') return object;
      const { spec } = object as Rollout;
      return { ...object, spec: { ...spec, template: templateOf(spec.template ?? {}, version) } } as KubeObject;
    });
}

function templateOf(template: PodTemplate, version: 'old' | 'newer'): PodTemplate {
  const { metadata, spec } = template;
  const other = (container: Container) =>
    container.image === undefined ? container : { ...container, image: otherImage(container.image, version) };
  return {
    ...template,
    metadata: { ...metadata, annotations: { ...metadata?.annotations, [REPORTED_VERSION]: MARKS[version] } },
    spec: {
      ...spec,
      ...(spec?.containers ? { containers: spec.containers.map(other) } : {}),
      ...(spec?.initContainers ? { initContainers: spec.initContainers.map(other) } : {}),
    },
  };
}

/** The same repository with a digest that no registry has. */
function otherImage(image: string, version: string): string {
  const repository = image.replace(/@.*$/, '').replace(/:[^:/]*$/, '');
  return `${repository}@sha256:${createHash('sha256').update(`${image} ${version}`).digest('hex')}`;
}
