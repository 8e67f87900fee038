import { loadAll } from 'js-yaml';
import { render } from '../../charts/render.ts';
import type { Overlay } from '../../overlays/overlay.ts';

// biome-ignore lint/suspicious/noExplicitAny: rendered objects are looked into at will; a wrong path is a failing test.
export type KubeObject = any;

/** All objects of an overlay, as they come out of the YAML. */
export function objectsOf(overlay: Overlay): KubeObject[] {
  return Object.values(render(overlay)).flatMap((yaml) => loadAll(yaml) as KubeObject[]);
}

/** The one object of a kind and name. */
export function find(objects: KubeObject[], kind: string, name: string): KubeObject {
  const found = ofKind(objects, kind).filter(({ metadata }) => metadata.name === name);
  if (found.length !== 1) throw new Error(`${found.length} objects are ${kind} ${name}`);
  return found[0];
}

export function ofKind(objects: KubeObject[], kind: string): KubeObject[] {
  return objects.filter((object) => object.kind === kind);
}

/** Every pod template there is, those of Jobs inside metrics included, by what it belongs to. */
export function podTemplates(objects: KubeObject[]): [owner: string, template: KubeObject][] {
  return objects.flatMap(({ kind, metadata, spec }): [string, KubeObject][] => {
    const owner = `${kind} ${metadata.name}`;
    if (kind === 'AnalysisTemplate') {
      return spec.metrics
        .filter((metric: KubeObject) => metric.provider.job)
        .map((metric: KubeObject) => [`${owner} ${metric.name}`, metric.provider.job.spec.template]);
    }
    if (kind === 'CronJob') return [[owner, spec.jobTemplate.spec.template]];
    return spec?.template?.spec ? [[owner, spec.template]] : [];
  });
}
