/**
 * A field of the Rollout, read when an analysis starts, e.g. `spec.template.metadata.annotations.version`. The controller
 * splits the path at every dot, so no key on the way may contain one.
 */
export interface RolloutField {
  readonly fieldPath: string;
}

/** AnalysisTemplates to run as one AnalysisRun, and the arguments they get. */
export interface Analysis {
  /** Names of AnalysisTemplates; their metrics must have different names. */
  readonly templates: readonly string[];
  /** Argument → value, or the field of the Rollout that holds it. @default - none */
  readonly args?: Readonly<Record<string, string | RolloutField>>;
}

/**
 * How a Rollout refers to an analysis. No empty list: the controller drops it when it writes the Rollout, and the next apply
 * by the server would find the field in other hands.
 */
export function analysisReference({ templates, args = {} }: Analysis) {
  const given = Object.entries(args).map(([name, value]) =>
    typeof value === 'string' ? { name, value } : { name, valueFrom: { fieldRef: value } },
  );
  return {
    templates: templates.map((templateName) => ({ templateName })),
    ...(given.length > 0 ? { args: given } : {}),
  };
}
