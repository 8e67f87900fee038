import { z } from 'zod';
import type { KubeObject, Rollout } from '../cluster/objects.ts';
import { UsageError } from './usage.ts';

const container = z.looseObject({ name: z.string(), image: z.string().optional() });
const percent = z.string().regex(/^\d{1,3}%$/);
const analysis = z.looseObject({ templates: z.array(z.looseObject({ templateName: z.string() })).optional() });

/** The fields of a Rollout that a plan is read from, where they are given, must be of their kind. */
const rolloutShape = z.looseObject({
  metadata: z.looseObject({ annotations: z.record(z.string(), z.string()).optional() }),
  spec: z.looseObject({
    replicas: z.int().min(0).optional(),
    template: z
      .looseObject({
        spec: z
          .looseObject({ containers: z.array(container), initContainers: z.array(container).optional() })
          .optional(),
      })
      .optional(),
    strategy: z
      .looseObject({
        blueGreen: z
          .looseObject({
            activeService: z.string().optional(),
            previewService: z.string().optional(),
            prePromotionAnalysis: analysis.optional(),
            postPromotionAnalysis: analysis.optional(),
          })
          .optional(),
        canary: z
          .looseObject({
            canaryService: z.string().optional(),
            stableService: z.string().optional(),
            trafficRouting: z.looseObject({}).optional(),
            maxSurge: z.union([z.int().min(0), percent]).optional(),
            maxUnavailable: z.union([z.int().min(0), percent]).optional(),
            steps: z
              .array(
                z.looseObject({
                  setWeight: z.int().min(0).max(100).optional(),
                  pause: z.looseObject({ duration: z.union([z.int().min(0), z.string()]).optional() }).optional(),
                  analysis: analysis.optional(),
                  setCanaryScale: z
                    .looseObject({
                      weight: z.int().min(0).max(100).optional(),
                      replicas: z.int().min(0).optional(),
                      matchTrafficWeight: z.boolean().optional(),
                    })
                    .optional(),
                }),
              )
              .optional(),
          })
          .optional(),
      })
      .optional(),
  }),
});

/** That object as a Rollout. Throws `UsageError`, which begins with `at` and names each field that is not of its kind. */
export function checkedRollout(object: KubeObject, at: string): Rollout {
  const { error } = rolloutShape.safeParse(object);
  if (!error) return object as Rollout;
  const problems = error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new UsageError(`${at}: ${problems.join('; ')}`);
}
