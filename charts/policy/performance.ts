import type { Finding, Rule } from './policy.ts';
import { containersOf, type Manifest, type RenderedObject } from './rendered.ts';

/** Load compares the new revision of a Rollout with its stable one, and so only as long as those are two: before the switch. */
const loadComparesRevisions: Rule = (rendered) => {
  const loads = rendered.pods.flatMap((pod) =>
    containersOf(pod)
      .filter(({ args = [] }) => args[0] === 'load-gate' || args.includes('--stable'))
      .map(({ args }) => ({ object: pod.owner, args: args as string[] })),
  );
  return loads.flatMap(({ object, args }) => {
    const { name: template, namespace } = object.manifest.metadata;
    const isNamed = (analysis: Manifest) =>
      (analysis?.templates ?? []).some(({ templateName }: Manifest) => templateName === template);
    const hostOf = (option: string) =>
      /^http:\/\/(.+?)\.([-a-z0-9]+)\.svc\.cluster\.local:(\d+)$/.exec(args[args.indexOf(option) + 1] ?? '') ?? [];
    const [, preview, ...previewAt] = hostOf('--preview');
    const [, stable, ...stableAt] = hostOf('--stable');
    const found = (object: RenderedObject, holds: boolean, message: string): Finding[] =>
      holds ? [] : [{ object, message }];
    return [
      ...found(object, args[0] === 'load-gate', 'names no command of the promoter’s image; begin with load-gate'),
      ...found(
        object,
        preview === '{{args.service}}',
        'puts load on another Service than its argument; ask {{args.service}}',
      ),
      ...found(
        object,
        previewAt[0] === namespace && String(previewAt) === String(stableAt),
        'compares two namespaces or two ports; ask the same of both',
      ),
      ...rendered.ofKind('Rollout').flatMap((rollout) => {
        const { activeService, postPromotionAnalysis, prePromotionAnalysis } =
          rollout.manifest.spec.strategy?.blueGreen ?? {};
        return [
          ...found(
            rollout,
            !isNamed(prePromotionAnalysis) || stable === activeService,
            `is compared with Service ${stable}; compare it with ${activeService}`,
          ),
          ...found(
            rollout,
            !isNamed(postPromotionAnalysis),
            `is compared with itself after the switch; take ${template} out of postPromotionAnalysis`,
          ),
        ];
      }),
    ];
  });
};

export const performanceRules: readonly Rule[] = [loadComparesRevisions];
