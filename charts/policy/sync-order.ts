import { JOB_ANNOTATION } from '../../promotion/plan/plan.ts';
import type { FollowedRelease, GitopsRule } from './gitops.ts';
import type { Finding } from './policy.ts';
import { Rendered, type RenderedObject, type RenderedPod } from './rendered.ts';

const WAVE = 'argocd.argoproj.io/sync-wave';

/**
 * Argo CD goes on to the next wave when all of one is healthy; within one it applies what pods refer to before the pods. So
 * a release's Job is after what it needs, and before the pods that need what it does.
 */
export const syncsInOrder: GitopsRule = (_, releases) => releases.flatMap(releaseInOrder);

function releaseInOrder({ objects }: FollowedRelease): Finding[] {
  const rendered = new Rendered(objects);
  return rendered.pods
    .filter(({ owner }) => owner.manifest.metadata.annotations?.[JOB_ANNOTATION] === 'true')
    .flatMap((job): Finding[] => {
      const [name, wave] = [`Job ${job.owner.manifest.metadata.name}`, waveOf(job.owner)];
      const late = (object: RenderedObject, when: string): Finding => ({
        object,
        message: `is in sync wave ${waveOf(object)}, and ${name}, which needs it, in ${wave}; put it ${when}`,
      });
      return [
        ...rendered
          .ofKind('Rollout', 'Deployment')
          .filter((object) => !(waveOf(object) > wave))
          .map((object) => ({
            object,
            message: `is in sync wave ${waveOf(object)}, and ${name}, whose work it needs, in ${wave}; put it into a later one`,
          })),
        ...rendered
          .ofKind('StatefulSet', 'ExternalSecret')
          .filter((object) => !(waveOf(object) < wave))
          .map((object) => late(object, 'into an earlier one')),
        ...objects
          .filter((object) => isNamedBy(job, object, rendered) && !(waveOf(object) <= wave))
          .map((object) => late(object, 'into the same one, or an earlier one')),
      ];
    });
}

/** Not a number, which compares with none, where the annotation is not one. */
const waveOf = ({ manifest }: RenderedObject) => Number(manifest.metadata.annotations?.[WAVE] ?? 0);

/** Whether a pod cannot start, or cannot reach anybody, without the object. */
function isNamedBy(
  pod: RenderedPod,
  { manifest: { kind, metadata, spec } }: RenderedObject,
  rendered: Rendered,
): boolean {
  switch (kind) {
    case 'Namespace':
      return true;
    case 'ConfigMap':
    case 'ServiceAccount':
      return JSON.stringify(pod.spec).includes(`"${metadata.name}"`);
    case 'NetworkPolicy':
      return rendered.podsWith(spec.podSelector.matchLabels ?? {}).includes(pod);
    default:
      return false;
  }
}
