import { ApiObject } from 'cdk8s';
import type { Construct } from 'constructs';
import type { BlueGreen, Overlay, PromoterInCluster } from '../overlays/overlay.ts';
import { imageReference } from '../overlays/pins.ts';
import { promotionSeconds } from '../overlays/timing.ts';
import type { KubeObject } from '../promotion/cluster/objects.ts';
import { EXIT_CODES, type Outcome } from '../promotion/core/journal.ts';
import { objectsOfPlan } from '../promotion/plan/plan.ts';
import { contentHash } from './constructs/hashed-config-map.ts';
import { taskPod } from './constructs/task-pod.ts';
import * as kplus from './kplus.ts';
import { type Labels, labelsOf } from './labels.ts';
import { nodeUid, promoterName, promoterStarterName } from './names.ts';
import { OverlayChart } from './overlay-chart.ts';
import type { Manifest } from './policy/rendered.ts';

/** After these a second try could only do harm: a verdict was spoken, a person is asked, or the plan is wrong. */
const FINAL: readonly Outcome[] = ['usage', 'refused', 'rolled-back', 'stuck', 'superseded'];

const evidenceClaim = 'promoter-evidence';
const planFolder = '/plan';
const evidenceFolder = '/evidence';

/**
 * The promoter in the cluster: applying a release starts a Job that takes it live.
 *
 * What is applied is not that Job, but one that makes it and ends at once. Argo CD's sync has waves and prunes last, so as soon
 * as a release leaves something to prune (the last one's Jobs, always) it goes on until all of the last wave is healthy,
 * and an unfinished Job is not. The promoter would then work inside the sync, and whatever of its work needs another
 * sync, such as the revert of a release that failed, would wait for itself: Argo CD syncs one revision at a time. What
 * the sync still waits for, the Rollouts, comes to an end by the promoter's own work: Healthy when promoted, Degraded when aborted. For the same reason it is no hook, which
 * syncs wait for always, and in the Rollouts' own wave: in a later one it would wait for Rollouts that wait for it.
 *
 * The Job that is applied stays: one that is gone would be applied again, and start a promotion of what may have been rejected.
 */
export class PromoterJobChart extends OverlayChart {
  /** What the applied Job makes; nothing where nobody promotes in the cluster. */
  readonly started: readonly Manifest[];

  /** @param objects everything else that is rendered */
  constructor(scope: Construct, file: string, overlay: Overlay, objects: readonly KubeObject[]) {
    const labels = labelsOf(overlay, promoterName, 'promotion');
    super(scope, file, overlay, labels);
    const { namespace, promoter, strategy } = overlay;
    this.started = [];
    if (promoter.kind === 'outside' || strategy.kind !== 'blue-green') return;
    if (promoter.evidence) this.#evidenceVolume(promoter.evidence);
    const data = { 'plan.json': JSON.stringify({ kind: 'List', items: objectsOfPlan(objects) }) };
    // No HashedConfigMap: those are part of the plan, which cannot have itself in it. Only its own Job needs it.
    const plan = new kplus.ConfigMap(this, 'plan', {
      metadata: { name: `promoter-plan-${contentHash(data)}` },
      data,
      immutable: true,
    });
    const environment = promoter.secretName
      ? kplus.Secret.fromSecretName(this, 'environment', promoter.secretName)
      : undefined;
    const spec = promotionSpec(promoter, strategy, labels, plan.name, environment);
    const hash = contentHash(spec);
    // By the label managed-by nobody takes it for something that is rendered.
    const metadata = {
      name: `promote-${hash}`,
      namespace,
      labels: { ...labels, 'app.kubernetes.io/managed-by': 'moneywise-deploy' },
    };
    const job = { apiVersion: 'batch/v1', kind: 'Job', metadata, spec };
    this.started = [job];
    new ApiObject(this, 'starter', {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: `start-promote-${hash}` },
      spec: starterSpec(promoter, labels, job),
    });
  }

  #evidenceVolume({ className, sizeGibibytes }: NonNullable<PromoterInCluster['evidence']>): void {
    new kplus.k8s.KubePersistentVolumeClaim(this, 'evidence', {
      metadata: {
        name: evidenceClaim,
        annotations: { 'argocd.argoproj.io/sync-options': 'Prune=false,Delete=false' },
      },
      spec: {
        accessModes: ['ReadWriteOnce'],
        ...(className ? { storageClassName: className } : {}),
        resources: { requests: { storage: kplus.k8s.Quantity.fromString(`${sizeGibibytes}Gi`) } },
      },
    });
  }
}

/** The Job that promotes. */
function promotionSpec(
  promoter: PromoterInCluster,
  strategy: BlueGreen,
  labels: Labels,
  plan: string,
  environment: kplus.ISecret | undefined,
): object {
  const evidence = promoter.evidence ? { persistentVolumeClaim: { claimName: evidenceClaim } } : { emptyDir: {} };
  const container = 'promote';
  return {
    // Locked, unreachable, interrupted: waits of 10 s and more, twice as long each time, some ten minutes in all.
    backoffLimit: 6,
    podFailurePolicy: {
      rules: [
        // A node that is drained is nobody's verdict, whatever the pod still did: it went back, and the next one begins anew.
        { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
        {
          action: 'FailJob',
          onExitCodes: {
            containerName: container,
            operator: 'In',
            values: FINAL.map((outcome) => EXIT_CODES[outcome]),
          },
        },
      ],
    },
    // Room for two whole tries, and the waits between them.
    activeDeadlineSeconds: 2 * promotionSeconds(strategy) + 600,
    ttlSecondsAfterFinished: promoter.keepHours * 3600,
    template: taskPod({
      labels,
      serviceAccountName: promoterName,
      hasToken: true,
      uid: nodeUid,
      // SIGTERM brings a switched set back before the process ends; then pods are asked for evidence, and retired.
      terminationGracePeriodSeconds: 2 * strategy.timeouts.returnSeconds + 30,
      terminationMessagePolicy: 'FallbackToLogsOnError',
      container: {
        name: container,
        image: imageReference(promoter.image.repository, promoter.image),
        args: [
          'promote',
          ...['--manifests', planFolder, '--evidence', evidenceFolder],
          ...['--output', 'plain', '--result', '/dev/termination-log'],
        ],
        resources: promoter.resources,
        envVariables: { HOME: kplus.EnvValue.fromValue('/tmp') },
        ...(environment ? { envFrom: [kplus.Env.fromSecret(environment)] } : {}),
      },
      volumes: [
        { name: 'plan', mountPath: planFolder, configMap: { name: plan } },
        { name: 'evidence', mountPath: evidenceFolder, ...evidence },
      ],
    }),
  };
}

/** The Job that makes it. */
function starterSpec(promoter: PromoterInCluster, labels: Labels, job: object): object {
  return {
    activeDeadlineSeconds: 600,
    template: taskPod({
      labels,
      serviceAccountName: promoterStarterName,
      hasToken: true,
      uid: nodeUid,
      terminationMessagePolicy: 'FallbackToLogsOnError',
      container: {
        name: 'start',
        image: imageReference(promoter.image.repository, promoter.image),
        // However often this pod is run, its Job makes one Job; made anew, by a revert in Git, it makes another.
        args: ['start-job', '--for', '$(STARTER)', JSON.stringify(job)],
        resources: promoter.resources,
        envVariables: {
          HOME: kplus.EnvValue.fromValue('/tmp'),
          STARTER: kplus.EnvValue.fromFieldRef(kplus.EnvFieldPaths.POD_LABEL, {
            key: 'batch.kubernetes.io/controller-uid',
          }),
        },
      },
    }),
  };
}
