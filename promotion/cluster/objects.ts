/**
 * The parts of the Kubernetes objects that a promotion reads. Everything is optional that an API server may leave out:
 * what is absent is for the reader to judge, never assumed.
 */

export interface ObjectMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  /** Counts changes of the spec. */
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly managedFields?: readonly ManagedFields[];
  readonly ownerReferences?: readonly { readonly kind: string; readonly name: string; readonly uid: string }[];
}

/** Which fields of an object one writer answers for (server-side apply). */
export interface ManagedFields {
  readonly manager?: string;
  readonly operation?: string;
  readonly subresource?: string;
  readonly fieldsV1?: object;
}

export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

export interface Container {
  readonly name: string;
  readonly image?: string;
}

export interface PodTemplate {
  readonly metadata?: Partial<ObjectMeta>;
  readonly spec?: {
    readonly containers?: readonly Container[];
    readonly initContainers?: readonly Container[];
    readonly [field: string]: unknown;
  };
}

/** `argoproj.io/v1alpha1` Rollout (status fields: Argo Rollouts v1.9). */
export interface Rollout extends KubeObject {
  readonly spec: {
    readonly replicas?: number;
    readonly paused?: boolean;
    readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
    readonly template?: PodTemplate;
    readonly workloadRef?: unknown;
    readonly progressDeadlineSeconds?: number;
    readonly progressDeadlineAbort?: boolean;
    readonly rollbackWindow?: { readonly revisions?: number };
    readonly strategy?: { readonly blueGreen?: BlueGreenStrategy; readonly canary?: CanaryStrategy };
  };
  readonly status?: RolloutStatus;
}

export interface BlueGreenStrategy {
  readonly activeService: string;
  readonly previewService?: string;
  readonly autoPromotionEnabled?: boolean;
  readonly autoPromotionSeconds?: number;
  readonly previewReplicaCount?: number;
  readonly scaleDownDelaySeconds?: number;
  readonly abortScaleDownDelaySeconds?: number;
  readonly scaleDownDelayRevisionLimit?: number;
  readonly activeMetadata?: PodMetadata;
  readonly previewMetadata?: PodMetadata;
  readonly prePromotionAnalysis?: RolloutAnalysis;
  readonly postPromotionAnalysis?: RolloutAnalysis;
}

export interface CanaryStrategy {
  /** Leads to the pods of the new revision alone. */
  readonly canaryService?: string;
  readonly stableService?: string;
  /** Numbers of pods, or percents of `replicas` as text; the controller's default of both is 25 %. */
  readonly maxSurge?: number | string;
  readonly maxUnavailable?: number | string;
  /** What divides the traffic between `stableService` and `canaryService`; without it the number of pods does. */
  readonly trafficRouting?: TrafficRouting;
  readonly pingPong?: unknown;
  readonly dynamicStableScale?: boolean;
  /** With a router alone; the controller's default of both is 30, and an abort delay of 0 keeps the pods. */
  readonly scaleDownDelaySeconds?: number;
  readonly abortScaleDownDelaySeconds?: number;
  /** Runs beside the steps. */
  readonly analysis?: unknown;
  readonly steps?: readonly CanaryStep[];
}

/** One router, by its name in the API, e.g. `alb`; as much of it as is read here. */
export interface TrafficRouting {
  readonly alb?: { readonly ingress?: string; readonly servicePort?: number; readonly rootService?: string };
  readonly istio?: { readonly destinationRule?: unknown };
  readonly maxTrafficWeight?: number;
}

/** One of its fields is given. */
export interface CanaryStep {
  /** Percent of the traffic that is the new revision's: without a router, of the pods. */
  readonly setWeight?: number;
  /** Without a duration (seconds, or text with a unit) it lasts until somebody promotes. */
  readonly pause?: { readonly duration?: number | string };
  readonly analysis?: RolloutAnalysis;
  /** With a router: how many pods the new revision has, whatever its traffic, until `matchTrafficWeight`. */
  readonly setCanaryScale?: {
    readonly weight?: number;
    readonly replicas?: number;
    readonly matchTrafficWeight?: boolean;
  };
}

/** What the controller puts on the pods of a role for as long as they have it. */
export interface PodMetadata {
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export interface RolloutAnalysis {
  readonly args?: readonly { readonly name: string }[];
  readonly templates?: readonly { readonly templateName: string; readonly clusterScope?: boolean }[];
}

export interface RolloutStatus {
  readonly abort?: boolean;
  readonly abortedAt?: string;
  /** The pod-template hash of the current template's ReplicaSet. */
  readonly currentPodHash?: string;
  /** The pod-template hash of the last fully promoted ReplicaSet: a hash, not a name. */
  readonly stableRS?: string;
  readonly pauseConditions?: readonly { readonly reason: string; readonly startTime: string }[];
  readonly controllerPause?: boolean;
  readonly promoteFull?: boolean;
  /** A string in every release. */
  readonly observedGeneration?: string;
  readonly restartedAt?: string;
  /** Pods of all ReplicaSets. */
  readonly replicas?: number;
  /** Pods of the current template's ReplicaSet. */
  readonly updatedReplicas?: number;
  /** Of the ReplicaSet that the active Service selects; of all while there is none. */
  readonly readyReplicas?: number;
  readonly availableReplicas?: number;
  readonly phase?: string;
  readonly message?: string;
  readonly blueGreen?: {
    readonly activeSelector?: string;
    readonly scaleUpPreviewCheckPoint?: boolean;
    readonly previewSelector?: string;
    readonly prePromotionAnalysisRunStatus?: AnalysisRunReference;
    readonly postPromotionAnalysisRunStatus?: AnalysisRunReference;
  };
  /** Of a canary: how many steps are done; as many as there are once the last one is. */
  readonly currentStepIndex?: number;
  readonly canary?: {
    /** The run of the step that it is at, while that is an analysis. */
    readonly currentStepAnalysisRunStatus?: AnalysisRunReference;
    /** What the controller has set in the router, in percent. */
    readonly weights?: { readonly canary: WeightDestination; readonly stable: WeightDestination };
  };
  readonly conditions?: readonly RolloutCondition[];
}

export interface WeightDestination {
  readonly weight: number;
  readonly serviceName?: string;
  readonly podTemplateHash?: string;
}

export interface RolloutCondition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastUpdateTime?: string;
}

export interface AnalysisRunReference {
  readonly name: string;
  readonly status?: string;
  readonly message?: string;
}

export interface ReplicaSet extends KubeObject {
  readonly spec: { readonly replicas?: number; readonly template?: PodTemplate };
  readonly status?: {
    readonly replicas?: number;
    readonly readyReplicas?: number;
    readonly availableReplicas?: number;
  };
}

export interface Pod extends KubeObject {
  readonly status?: {
    readonly phase?: string;
    readonly reason?: string;
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      /** RFC 3339, by the node's clock. */
      readonly lastTransitionTime?: string;
    }[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

/** `v1` Event: one thing that happened to an object, counted. */
export interface Event extends KubeObject {
  readonly type?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly count?: number;
  readonly firstTimestamp?: string | null;
  readonly lastTimestamp?: string | null;
  /** In the place of the two above, from senders of the newer kind. */
  readonly eventTime?: string | null;
  readonly involvedObject?: { readonly kind?: string; readonly name?: string; readonly uid?: string };
}

export interface ContainerStatus {
  readonly name: string;
  readonly ready: boolean;
  readonly restartCount: number;
  readonly state?: ContainerState;
  readonly lastState?: ContainerState;
}

/** Of `waiting` and `terminated` at most one is given. */
export interface ContainerState {
  readonly waiting?: { readonly reason?: string };
  readonly terminated?: { readonly reason?: string; readonly exitCode?: number; readonly message?: string };
}

export interface AnalysisRun extends KubeObject {
  readonly spec: {
    readonly metrics?: readonly Metric[];
    readonly terminate?: boolean;
    readonly dryRun?: readonly { readonly metricName: string }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly message?: string;
    readonly startedAt?: string;
    readonly completedAt?: string;
    readonly metricResults?: readonly MetricResult[];
  };
}

export interface Metric {
  readonly name: string;
  readonly interval?: string;
  readonly initialDelay?: string;
  readonly count?: number | string;
  readonly failureLimit?: number | string;
  readonly consecutiveSuccessLimit?: number | string;
  readonly successCondition?: string;
  readonly failureCondition?: string;
  readonly provider?: { readonly web?: unknown };
}

export interface MetricResult {
  readonly name: string;
  readonly phase?: string;
  readonly message?: string;
  /** Measurements with a verdict; errors are not counted here. */
  readonly count?: number;
  readonly successful?: number;
  readonly failed?: number;
  readonly inconclusive?: number;
  readonly error?: number;
  readonly dryRun?: boolean;
  readonly measurements?: readonly {
    readonly phase?: string;
    readonly value?: string;
    readonly message?: string;
    readonly startedAt?: string;
    readonly finishedAt?: string;
  }[];
}

export interface Service extends KubeObject {
  readonly spec: {
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly { readonly name?: string; readonly port: number }[];
  };
}

export interface EndpointSlice extends KubeObject {
  readonly endpoints?: readonly {
    readonly addresses?: readonly string[];
    readonly conditions?: { readonly ready?: boolean; readonly serving?: boolean; readonly terminating?: boolean };
    readonly targetRef?: { readonly kind?: string; readonly name?: string };
  }[];
}

export interface Job extends KubeObject {
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly reason?: string;
      readonly message?: string;
    }[];
  };
}

/** `autoscaling/v2`: scales what `scaleTargetRef` names between these bounds; the API server sets `minReplicas` to 1 if absent. */
export interface HorizontalPodAutoscaler extends KubeObject {
  readonly spec: {
    readonly scaleTargetRef?: { readonly kind: string; readonly name: string };
    readonly minReplicas?: number;
    readonly maxReplicas: number;
  };
}

/** Argo CD's `argoproj.io/v1alpha1` Application of one source: a folder of a repository, kept in a namespace. Seen of v3.2. */
export interface Application extends KubeObject {
  readonly spec?: {
    readonly source?: { readonly repoURL?: string; readonly path?: string; readonly targetRevision?: string };
    readonly syncPolicy?: {
      /** Absent or null: nothing is synced by itself. */
      readonly automated?: { readonly enabled?: boolean; readonly selfHeal?: boolean } | null;
    };
  };
  /** What it is doing, or about to do. */
  readonly operation?: { readonly sync?: { readonly revision?: string } };
  readonly status?: {
    /** What the last comparison of Git and cluster found, at which commit. */
    readonly sync?: { readonly status?: string; readonly revision?: string };
    readonly health?: { readonly status?: string };
    readonly operationState?: {
      readonly phase?: string;
      readonly message?: string;
      readonly startedAt?: string;
      readonly operation?: { readonly sync?: { readonly revision?: string } };
    };
    readonly conditions?: readonly { readonly type?: string; readonly message?: string }[];
  };
}

/** Label with which the Rollouts controller marks ReplicaSets, pods and AnalysisRuns, and the key it adds to Services' selectors. */
export const POD_HASH = 'rollouts-pod-template-hash';
/** Annotation with the revision number, on Rollouts, ReplicaSets and AnalysisRuns. */
export const REVISION = 'rollout.argoproj.io/revision';
/** Annotation on a ReplicaSet: the replica count that the Rollout wants it to have when full. */
export const DESIRED_REPLICAS = 'rollout.argoproj.io/desired-replicas';
/** Annotation on a ReplicaSet that is no longer wanted: until when it stays up, RFC 3339. */
export const SCALE_DOWN_DEADLINE = 'scale-down-deadline';
/** On a ReplicaSet: labels and annotations that the controller gave its pods for their role, as JSON. */
export const EPHEMERAL_METADATA = 'rollout.argoproj.io/ephemeral-metadata';
/** Label on the AnalysisRun of a canary's step: which one, counted from 0. */
export const STEP_INDEX = 'step-index';
/** Label with which an EndpointSlice names its Service. */
export const SERVICE_NAME = 'kubernetes.io/service-name';
