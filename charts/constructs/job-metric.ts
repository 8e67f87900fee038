import type { AnalysisTemplateSpecMetrics } from '../../imports/argoproj.io.ts';
import * as kplus from '../kplus.ts';
import { type TaskPodProps, taskPod } from './task-pod.ts';

export interface JobMetricProps extends TaskPodProps {
  /** Name of the metric, unique in the analysis. */
  readonly name: string;
  /** After so long the Job fails: an image that cannot be pulled would otherwise keep the analysis waiting for ever. */
  readonly deadlineSeconds: number;
}

/** A metric that is measured once, by a Job: it is good when the pod ends with 0, and fails otherwise. */
export function jobMetric({ name, deadlineSeconds, ...pod }: JobMetricProps): AnalysisTemplateSpecMetrics {
  const job = kplus.k8s.toJson_JobSpec({
    backoffLimit: 0,
    activeDeadlineSeconds: deadlineSeconds,
    ttlSecondsAfterFinished: 3600,
    template: {},
  });
  return { name, provider: { job: { metadata: { labels: pod.labels }, spec: { ...job, template: taskPod(pod) } } } };
}
