import { ApiObject } from 'cdk8s';
import { Construct } from 'constructs';
import * as kplus from '../kplus.ts';
import { contentHash } from './hashed-config-map.ts';
import { type TaskPodProps, taskPod } from './task-pod.ts';

export interface MigrationJobProps extends TaskPodProps {
  /** What `before` ends with when to try again cannot help: the Job has failed then. @default - it is tried again */
  readonly hopelessCode?: number;
  /** Tries after the first one, ever further apart. @default 4, about two and a half minutes */
  readonly backoffLimit?: number;
  /** The longest that all tries together may take, in seconds. @default 600 */
  readonly activeDeadlineSeconds?: number;
}

/**
 * A Job that runs once for each different thing to run. Its name carries a hash of what it runs (image, command,
 * configuration), so that applying the same manifests again changes nothing, and a new release, whose Job could not be
 * changed in place, is a new Job. It is not deleted when finished: a Job that is gone would run again.
 */
export class MigrationJob extends Construct {
  readonly name: string;

  constructor(scope: Construct, id: string, props: MigrationJobProps) {
    super(scope, id);
    const spec = {
      ...kplus.k8s.toJson_JobSpec({
        backoffLimit: props.backoffLimit ?? 4,
        activeDeadlineSeconds: props.activeDeadlineSeconds ?? 600,
        template: {},
      }),
      ...(props.before && props.hopelessCode !== undefined
        ? { podFailurePolicy: failedBy(props.before.name, props.hopelessCode) }
        : {}),
      template: taskPod(props),
    };
    this.name = `migrate-${contentHash(spec)}`;
    new ApiObject(this, 'Resource', {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: {
        name: this.name,
        // The promoter waits for such a Job to complete before it judges the members of the release prepared.
        annotations: { 'moneywise.app/release-job': 'true' },
      },
      spec,
    });
  }
}

function failedBy(containerName: string, code: number): object {
  return { rules: [{ action: 'FailJob', onExitCodes: { containerName, operator: 'In', values: [code] } }] };
}
