import { load } from 'js-yaml';
import { canaryOf, serviceOfBoth } from '../../promotion/plan/canary.ts';
import { holdMetricName } from '../constructs/hold.ts';
import type { Finding, Rule } from './policy.ts';
import { analysesOf, type Manifest, type Rendered, type RenderedObject } from './rendered.ts';

/** A member of a release waits for the promoter, and rejected pods stay long enough to be retired. */
const promotedByDecision: Rule = (rendered) =>
  blueGreens(rendered).flatMap(({ object, blueGreen }): Finding[] => {
    const found = (holds: boolean, message: string) => (holds ? [] : [{ object, message }]);
    const { abortScaleDownDelaySeconds: abort, previewReplicaCount } = blueGreen;
    return [
      ...found(blueGreen.autoPromotionEnabled === false, 'promotes itself; set autoPromotionEnabled: false'),
      ...found(
        abort >= 1,
        `abortScaleDownDelaySeconds ${abort} keeps rejected pods for ever or for 30 s; give a number that outlasts the verification`,
      ),
      ...found(
        previewReplicaCount === undefined,
        'has a previewReplicaCount, with which a promotion can skip its gate; remove it',
      ),
      ...found(
        Boolean(blueGreen.prePromotionAnalysis?.templates?.length),
        'has no analysis before the switch; add prePromotionAnalysis',
      ),
      ...found(
        Boolean(blueGreen.postPromotionAnalysis?.templates?.length),
        'has no analysis after the switch; add postPromotionAnalysis',
      ),
      ...found(blueGreen.activeService !== blueGreen.previewService, 'has one Service for both revisions; give two'),
    ];
  });

/** A canary waits for the promoter, too, and is held until the set is decided: the promoter's own rule. */
const canariesAreHeld: Rule = (rendered) =>
  rendered.ofKind('Rollout').flatMap((object): Finding[] => {
    if (!object.manifest.spec.strategy?.canary) return [];
    const templates = new Map(
      rendered.ofKind('AnalysisTemplate').map(({ manifest }) => [manifest.metadata.name, manifest.spec.metrics]),
    );
    try {
      const { routed } = canaryOf(object.manifest, templates, holdMetricName, 'it');
      if (routed !== undefined) return [];
      serviceOfBoth(
        object.manifest,
        rendered.ofKind('Service').map(({ manifest }) => manifest),
        'it',
      );
      return [];
    } catch (error) {
      return [{ object, message: (error as Error).message }];
    }
  });

/** The analysis that a Rollout names can run: templates are there, arguments complete, metric names unique. */
const analysisComplete: Rule = (rendered) =>
  rendered.ofKind('Rollout').flatMap((object) =>
    analysesOf(object.manifest).flatMap((analysis): Finding[] => {
      const found = (message: string): Finding => ({ object, message });
      const names: string[] = (analysis?.templates ?? []).map(({ templateName }: Manifest) => templateName);
      const missing = names.filter((name) => !rendered.find('AnalysisTemplate', name));
      const specs = names.flatMap((name) => rendered.find('AnalysisTemplate', name)?.spec ?? []);
      const metrics: string[] = specs.flatMap(({ metrics }) => metrics.map(({ name }: Manifest) => name));
      const given: Manifest[] = analysis?.args ?? [];
      const wanted: Manifest[] = specs.flatMap(({ args }) => args ?? []);
      return [
        ...missing.map((name) => found(`is analysed by ${name}, which is no AnalysisTemplate here; correct the name`)),
        ...metrics
          .filter((name, at) => metrics.indexOf(name) !== at)
          .map((name) => found(`has two metrics called ${name} in one analysis; rename one`)),
        ...wanted
          .filter(({ name, value }) => value === undefined && !given.some((arg) => arg.name === name))
          .map(({ name }) => found(`does not give the analysis its argument ${name}; add it`)),
        ...given
          .filter(({ name }) => !wanted.some((arg) => arg.name === name))
          .map(({ name }) => found(`gives the argument ${name}, which no template takes; correct the name`)),
        ...given
          .filter(
            ({ valueFrom }) =>
              valueFrom?.fieldRef && valueAt(object.manifest, valueFrom.fieldRef.fieldPath) === undefined,
          )
          .map(({ valueFrom }) =>
            found(`has no field ${valueFrom.fieldRef.fieldPath} for the analysis; correct the path`),
          ),
      ];
    }),
  );

/** A template says itself what it wants to be given, and does not live on what another of the same analysis wants. */
const argumentsDeclared: Rule = (rendered) =>
  rendered.ofKind('AnalysisTemplate').flatMap((object): Finding[] => {
    const { args = [], metrics } = object.manifest.spec;
    const used = [...JSON.stringify(metrics ?? []).matchAll(/\{\{args\.([-\w]+)\}\}/g)].map(([, name]) => name);
    return [...new Set(used)]
      .filter((name) => !args.some((arg: Manifest) => arg.name === name))
      .map((name) => ({ object, message: `uses the argument ${name}, which it does not declare; add it to args` }));
  });

/** The controller keeps connections to old pods open, so a check that does not close its own judges the old revision. */
const freshConnections: Rule = (rendered) =>
  metrics(rendered).flatMap(({ object, metric }): Finding[] => {
    const { web } = metric.provider;
    if (!web) return [];
    const closes = (web.headers ?? []).some(({ key, value }: Manifest) => key === 'Connection' && value === 'close');
    if (closes) return [];
    return [
      { object, message: `metric ${metric.name} may judge the old pods by an open connection; use freshRequest()` },
    ];
  });

/** A metric that runs on without an end, or that a single bad answer decides by accident. */
const metricsEnd: Rule = (rendered) =>
  metrics(rendered).flatMap(({ object, metric }): Finding[] => {
    const found = (holds: boolean, message: string) =>
      holds ? [] : [{ object, message: `metric ${metric.name} ${message}` }];
    if (metric.provider.job) {
      const { activeDeadlineSeconds, backoffLimit } = metric.provider.job.spec;
      return [
        ...found(backoffLimit === 0, 'is asked again when it said no; set backoffLimit: 0'),
        ...found(activeDeadlineSeconds > 0, 'may hang for ever; set activeDeadlineSeconds'),
      ];
    }
    return [
      ...found(metric.count > 0, 'never ends; give it a count'),
      ...found(
        metric.successCondition !== undefined || metric.failureCondition !== undefined,
        'takes any answer for a good one; give it a successCondition',
      ),
    ];
  });

/** Evidence names the version that answered: that tells the new revision's answers from the old one's. */
const versionChecked: Rule = (rendered) =>
  rendered.ofKind('Rollout').flatMap((object) =>
    analysesOf(object.manifest).flatMap((analysis): Finding[] => {
      const reported = object.manifest.spec.template.metadata.annotations?.['reported-version'];
      if (reported === undefined) return [];
      const conditions: string[] = (analysis?.templates ?? []).flatMap(({ templateName }: Manifest) =>
        (rendered.find('AnalysisTemplate', templateName)?.spec.metrics ?? []).map(
          ({ successCondition = '' }: Manifest) => successCondition,
        ),
      );
      if (conditions.some((condition) => condition.includes('{{args.version}}'))) return [];
      return [
        { object, message: 'is judged without a look at its version; compare it with {{args.version}} in a metric' },
      ];
    }),
  );

/** The old pods must outlast the hold and the verification, or there is no instant way back from either. */
const wayBackOutlastsVerification: Rule = (rendered) => {
  const policy = rendered.find('ConfigMap', 'release-policy');
  if (!policy) {
    // The promoter would go by its defaults, without a word.
    return rendered
      .ofKind('Namespace')
      .map((object) => ({ object, message: 'has no ConfigMap release-policy; add it' }));
  }
  const { holdMetric, timeouts } = load(policy.data['policy.yaml']) as Manifest;
  const hold = metrics(rendered).find(({ metric }) => metric.name === holdMetric)?.metric;
  // A hold that waits for a person has no failures to count; the verification alone is then to be outlasted.
  const held = hold?.failureCondition === 'true' ? Number.parseInt(hold.interval, 10) * hold.failureLimit : 0;
  const least = held + (timeouts?.verifySeconds ?? 0);
  return blueGreens(rendered).flatMap(({ object, blueGreen }) =>
    ['scaleDownDelaySeconds', 'abortScaleDownDelaySeconds'].flatMap((field): Finding[] =>
      blueGreen[field] > least
        ? []
        : [
            {
              object,
              message: `${field} ${blueGreen[field]} ends within hold and verification (${least} s); make it longer`,
            },
          ],
    ),
  );
};

function blueGreens(rendered: Rendered): { object: RenderedObject; blueGreen: Manifest }[] {
  return rendered
    .ofKind('Rollout')
    .filter(({ manifest }) => !manifest.spec.strategy?.canary)
    .map((object) => ({ object, blueGreen: object.manifest.spec.strategy?.blueGreen ?? {} }));
}

function metrics(rendered: Rendered): { object: RenderedObject; metric: Manifest }[] {
  return rendered
    .ofKind('AnalysisTemplate')
    .flatMap((object) => object.manifest.spec.metrics.map((metric: Manifest) => ({ object, metric })));
}

/** As the controller does it: split at every dot. */
function valueAt(manifest: Manifest, path: string): unknown {
  return path.split('.').reduce((at, key) => at?.[key], manifest);
}

export const rolloutRules: readonly Rule[] = [
  promotedByDecision,
  canariesAreHeld,
  analysisComplete,
  argumentsDeclared,
  freshConnections,
  metricsEnd,
  versionChecked,
  wayBackOutlastsVerification,
];
