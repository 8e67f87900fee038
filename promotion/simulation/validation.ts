import type { KubeObject, Metric, Rollout, RolloutAnalysis } from '../cluster/objects.ts';
import type { ApiServer } from './api-server.ts';

/** What the controller's validation refuses, as far as it is modelled. */
export function whatIsWrong(
  api: ApiServer,
  { spec }: Rollout,
  analyses: readonly (RolloutAnalysis | undefined)[],
): string | undefined {
  if (spec.workloadRef && spec.template) return 'spec.template: template cannot be set when workloadRef is set';
  const strategy = spec.strategy?.canary ? 'canary' : 'blueGreen';
  for (const { templates = [], args = [] } of analyses.map((analysis) => analysis ?? {})) {
    for (const { templateName } of templates) {
      const template = api.get<AnalysisTemplate>('analysistemplates', templateName);
      if (!template) return `spec.strategy.${strategy}: AnalysisTemplate ${templateName} not found`;
      const wanting = template.spec?.args?.find(
        ({ name, value, valueFrom }) => !value && !valueFrom && !args.some((given) => given.name === name),
      );
      if (wanting) return `spec.strategy.${strategy}: args.${wanting.name} was not resolved`;
    }
  }
  return undefined;
}

export interface AnalysisTemplate extends KubeObject {
  readonly spec?: {
    readonly metrics?: readonly Metric[];
    readonly args?: readonly { readonly name: string; readonly value?: string; readonly valueFrom?: unknown }[];
  };
}
