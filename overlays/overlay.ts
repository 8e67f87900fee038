import { z } from 'zod';
import { repositoryAddress } from '../promotion/git/address.ts';
import { freezeSchema } from '../promotion/plan/freeze.ts';
import { notificationsSchema } from '../promotion/plan/notifications.ts';
import type { pinsSchema } from './pins.ts';

/** A whole number of seconds. */
const seconds = z.int('must be a whole number of seconds').min(1, 'must be at least 1 second').max(86_400);

/** A name that Kubernetes takes everywhere: it becomes part of namespaces, host names and labels. */
const dnsLabel = z
  .string()
  .regex(/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be lower-case letters, digits and dashes, e.g. moneywise-staging');

const hostName = z
  .string()
  .regex(/^([a-z0-9]([-a-z0-9]*[a-z0-9])?\.)+[a-z]+$/, 'must be a host name alone, e.g. api.moneywise.app');

const secretName = z
  .string({
    error: ({ input }) => (input === undefined ? 'is missing; name the Secret that holds the keys' : undefined),
  })
  .regex(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/, 'must be the name of a Secret, e.g. moneywise-database');
const secretKey = z.string().regex(/^[-._a-zA-Z0-9]+$/, 'must be a key of a Secret');
const port = z.int().min(1).max(65_535);
const path = z.string().startsWith('/', 'must start with a slash, e.g. /api/health');
const repository = z
  .string()
  .regex(
    /^[a-z0-9]([-._/a-z0-9]|:\d+\/)*$/,
    'must be an image name without tag or digest, e.g. ghcr.io/moneywise/backend; those belong into the pins',
  );

/** What a container asks for. The CPU has no limit, because a throttled process is slow for no one's good. */
const resourcesSchema = z.strictObject({
  /** CPU reserved, in thousandths of a core. */
  cpuMillis: z.int().min(1),
  /** Memory reserved and, as the limit, the most that the container may use, in MiB. */
  memoryMebibytes: z.int().min(16),
  /** Node disk reserved and, as the limit, the most that logs and temporary files may take, in GiB. */
  scratchGibibytes: z.int().min(1).default(1),
});

/** More pods under load, between `replicas` and a ceiling. A release neither needs nor changes it. */
const autoscalingSchema = z.strictObject({
  /** The most pods of one revision; a release runs two revisions for a while. */
  maxReplicas: z.int().min(2),
  /** Mean CPU use above which pods are added, in percent of what they reserve. */
  cpuPercent: z.int().min(10).max(100).default(70),
});

const cidr = z.union([z.cidrv4(), z.cidrv6()], { error: 'must be an address range, e.g. 10.20.0.0/16' });
const cidrs = z.array(cidr);

/** Pods of another namespace, as network policies name them. */
const elsewhereSchema = z.strictObject({
  namespace: dnsLabel,
  /** Labels that narrow it down to some pods of that namespace. */
  podLabels: z.record(z.string(), z.string()).default({}),
});

/** The certificate of the public hosts, where TLS ends at the Ingress. */
const tlsSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    /** A Secret that you made, with a certificate for all hosts. */
    kind: z.literal('secret'),
    secretName,
  }),
  z.strictObject({
    /** Certificates that cert-manager issues and renews, one for the public hosts and one for the preview. */
    kind: z.literal('cert-manager'),
    /** The Secrets are called so, and so with `-preview`. */
    secretName: secretName.default('moneywise-tls'),
    issuer: z.string().min(1),
    issuerKind: z.enum(['ClusterIssuer', 'Issuer']).default('ClusterIssuer'),
  }),
]);

/** How requests come into the cluster. */
const ingressSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    /** An Ingress, for any class. */
    kind: z.literal('ingress'),
    /** IngressClass; without one, the cluster's default. */
    className: z.string().min(1).optional(),
    /** Without it, TLS ends before the cluster or not at all. */
    tls: tlsSchema.optional(),
    /** What clients use, also where TLS ends before the cluster. */
    scheme: z.enum(['https', 'http']).default('https'),
    /**
     * How plain HTTP is sent on to HTTPS, which each class does in its own way: by annotations that its documentation
     * names, or in the class's own configuration or in front of it (`elsewhere`).
     */
    redirect: z
      .discriminatedUnion('by', [
        z.strictObject({
          by: z.literal('annotations'),
          annotations: z
            .record(z.string(), z.string())
            .refine((given) => Object.keys(given).length > 0, 'must name at least one annotation'),
        }),
        z.strictObject({ by: z.literal('elsewhere') }),
      ])
      .prefault({ by: 'elsewhere' }),
  }),
  z.strictObject({
    /** HTTPRoutes of the Gateway API. Certificates belong to the Gateway's listeners, which are the platform's. */
    kind: z.literal('gateway'),
    gateway: z.strictObject({
      name: dnsLabel,
      namespace: dnsLabel,
      /** The listener for HTTPS or, with scheme http, for HTTP. */
      listener: z.string().min(1),
      /** The listener for plain HTTP, which is sent on to HTTPS; without it the Gateway has none. */
      redirectListener: z.string().min(1).optional(),
    }),
    scheme: z.enum(['https', 'http']).default('https'),
  }),
]);

/** Whom the network policies let in and out, beside the pods of the namespace itself. */
const networkSchema = z.strictObject({
  /** The pods that answer DNS queries. */
  dns: elsewhereSchema.prefault({ namespace: 'kube-system', podLabels: { 'k8s-app': 'kube-dns' } }),
  /** Addresses that answer DNS queries and are no pods, e.g. of a cache on each node. */
  dnsCidrs: cidrs.default([]),
  /** The pods that requests from outside come through: an Ingress controller, or the proxies of a Gateway. */
  entry: elsewhereSchema.prefault({ namespace: 'ingress' }),
  /** Where the Argo Rollouts controller runs, which asks previews and active Services how they are. */
  rollouts: elsewhereSchema.prefault({ namespace: 'argo-rollouts' }),
  /** Where Prometheus runs. */
  monitoring: elsewhereSchema.prefault({ namespace: 'monitoring' }),
  /** From where the API server reaches pods; needed where `health.checkVia` is `service`. */
  apiServerCidrs: cidrs.default([]),
  /** Where the backend finds Sentry and CloudWatch, by HTTPS: the internet, without private addresses. */
  internet: z.strictObject({ cidr, except: cidrs.default([]) }).prefault({
    cidr: '0.0.0.0/0',
    except: ['10.0.0.0/8', '100.64.0.0/10', '169.254.0.0/16', '172.16.0.0/12', '192.168.0.0/16'],
  }),
});

const percent = z.number().gt(0).lt(100);

/** Who watches, what counts as wrong, and who is told. */
const monitoringSchema = z.discriminatedUnion('kind', [
  /** Nothing is rendered. */
  z.strictObject({ kind: z.literal('none') }),
  z.strictObject({
    /** Prometheus Operator, kube-state-metrics and the kubelet's metrics, in `network.monitoring`. */
    kind: z.literal('prometheus-operator'),
    /** Labels by which the platform's Prometheus finds monitors and rules. */
    labels: z.record(z.string(), z.string()).default({}),
    /**
     * Whose metrics tell about requests. The backend's own are JSON, which Prometheus cannot read, so they are those of
     * what requests come through. `{namespace}`, `{service}` and `{port}` stand for those of a Service.
     */
    requests: z
      .strictObject({
        /** Counts requests. */
        counter: z.string().min(1),
        /** Its label with the HTTP status. */
        statusLabel: z.string().min(1),
        /** The histogram of their duration in seconds, without `_bucket`. */
        duration: z.string().min(1),
        /** What selects a Service's requests among all of them. */
        selector: z.string().min(1),
      })
      .prefault({
        counter: 'traefik_service_requests_total',
        statusLabel: 'code',
        duration: 'traefik_service_request_duration_seconds',
        selector: 'service="{namespace}-{service}-{port}@kubernetes"',
      }),
    thresholds: z
      .strictObject({
        /** Share of requests that fail with 5xx, in percent. */
        errorPercent: percent.default(5),
        /** What 95 of 100 requests take at most, in seconds. */
        p95Seconds: z.number().gt(0).default(1),
        /** CPU in use, in percent of what is reserved. */
        cpuPercent: percent.default(80),
        /** Room left on a data volume, in percent. */
        diskFreePercent: percent.default(15),
        /** Connections in use, in percent of those the database takes. */
        connectionsPercent: percent.default(80),
        /** Requests that must succeed over 30 days, in percent. */
        availabilityPercent: percent.default(99.9),
        /** How long a Rollout may be neither old nor new, in minutes. */
        rolloutMinutes: z.int().min(1).default(45),
      })
      .prefault({}),
    /**
     * What the promoter asks this Prometheus after a switch, for each workload: the share of failed requests and the
     * duration of 95 of 100, by the thresholds above, and how full its pods' memory is. Without it, nothing.
     */
    gates: z
      .strictObject({
        /** Where the promoter reaches Prometheus: a URL, or a Service in `network.monitoring` by way of the API server. */
        prometheus: z.union([
          z.strictObject({ url: z.url({ protocol: /^https?$/ }) }),
          z.strictObject({ service: dnsLabel, port: z.union([port, z.string().min(1)]), path: path.optional() }),
        ]),
        /** How far back requests are looked at, in seconds: at least three times what Prometheus waits between two scrapes. */
        windowSeconds: seconds.default(90),
        /** Memory in use by any one pod, in percent of its limit. */
        memoryPercent: percent.default(90),
        /** What it means that nobody sent a request within the window: no evidence, or nothing wrong. */
        withoutRequests: z.enum(['unknown', 'pass']).default('unknown'),
      })
      .optional(),
    /** Where people read docs/on-call.md: every alert links to its section there. */
    runbookUrl: z
      .url({ protocol: /^https?$/ })
      .default('https://github.com/moneywise/moneywise-deploy/blob/main/docs/on-call.md'),
    escalation: z
      .strictObject({
        /** The team's channel, told at once. */
        channel: z.string().startsWith('#').default('#moneywise-alerts'),
        /** Who is on call is paged when it is still so after as many minutes. */
        pageAfterMinutes: z.int().min(1).default(10),
        /** And their manager after as many. */
        managerAfterMinutes: z.int().min(2).default(30),
      })
      .prefault({}),
  }),
]);

/** The repository that an overlay is applied from. */
const gitopsSchema = z.strictObject({
  /** The repository with dist/, as who applies it reaches it. */
  repository: repositoryAddress,
  /** Branch or tag that is followed. */
  revision: z.string().min(1).default('main'),
  /**
   * How changes come to that branch: pushed to it, or to a branch of their own for a pull request, where it is protected.
   * Without it this project's commands write nothing to Git, and promotions are not recorded in `overlays/releases/`.
   */
  changes: z.enum(['push', 'pull-request']).optional(),
  /** Who applies it: Argo CD, by an Application rendered for it, or people and CI systems with `kubectl apply`. */
  appliedBy: z.enum(['argo-cd', 'kubectl']).default('argo-cd'),
  /** The cluster's API server, as Argo CD knows it. */
  server: z.url().default('https://kubernetes.default.svc'),
  /** Where Argo CD runs. */
  namespace: dnsLabel.default('argocd'),
  /** Whether what is merged is applied by itself; a release then only has to be promoted. */
  automated: z.boolean().default(true),
  /**
   * Whether changes by hand are undone. An aborted release is then applied again as long as Git has it: the promoter
   * retires its pods before that, so that it comes back through its gates.
   */
  selfHeal: z.boolean().default(false),
});

/** Where the Secrets that the overlay names come from. */
const secretsSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    /** You make them, before the first release. */
    kind: z.literal('user-made'),
  }),
  z.strictObject({
    /** The External Secrets operator makes them from a store and keeps them up to date. */
    kind: z.literal('external-secrets'),
    store: z.strictObject({ name: z.string().min(1), kind: z.enum(['SecretStore', 'ClusterSecretStore']) }),
    /** In front of a Secret's name it is the name of the entry in the store, whose properties are the keys. */
    prefix: z.string().default(''),
    /** Between two looks at the store, in minutes. */
    refreshMinutes: z.int().min(1).default(60),
  }),
]);

/** An image that a release does not move: a data store's. */
const storeImageSchema = z.strictObject({
  repository,
  /** The tag that a person would pull, e.g. `15.13`. */
  version: z.string().min(1),
  /** The manifest digest; required where `imagePins` is `digest`. */
  digest: z
    .string()
    .regex(/^sha256:[0-9a-f]{64}$/, 'must be sha256: and 64 lower-case hex digits, as `crane digest IMAGE:TAG` prints')
    .optional(),
});

/** Who takes a release live once it is applied. */
const promoterSchema = z.discriminatedUnion('kind', [
  /** Somebody or something outside the cluster, with `moneywise-deploy promote`. */
  z.strictObject({ kind: z.literal('outside') }),
  z.strictObject({
    /** A Job in the cluster, a new one for each release that is applied: whoever releases then needs Git and nothing else. */
    kind: z.literal('job'),
    /** What images/promoter builds. */
    image: storeImageSchema,
    resources: resourcesSchema.prefault({ cpuMillis: 100, memoryMebibytes: 256 }),
    /**
     * Where the API server itself listens (`kubectl get endpointslices kubernetes`): network policies judge addresses
     * after those of Services were replaced.
     */
    apiServer: z.strictObject({ cidrs: cidrs.min(1), port: port.default(443) }),
    /** A Secret of yours whose keys become its variables: what `notifications` need (docs/secrets.md), and where telemetry goes. */
    secretName: secretName.optional(),
    /** What else it asks, beside HTTPS in `network.internet`: Prometheus by URL, hosts in private networks. */
    reaches: z.array(z.strictObject({ cidrs: cidrs.min(1), ports: z.array(port).min(1) })).default([]),
    /** A claim that keeps the evidence of all releases; without it, it goes with the pod. */
    evidence: z.strictObject({ sizeGibibytes: z.int().min(1), className: z.string().min(1).optional() }).optional(),
    /** How long a finished Job stays, with its pods and their logs, in hours. */
    keepHours: z.int().min(1).default(168),
  }),
]);

/** Where a data store that runs in the cluster keeps its files. */
const storageSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    /** A volume claim that outlives the pod. */
    kind: z.literal('persistent'),
    /** Size of the claim, in GiB. */
    sizeGibibytes: z.int().min(1),
    /** Storage class; without one, the cluster's default. */
    className: z.string().min(1).optional(),
  }),
  z.strictObject({
    /** Gone with the pod: for tests, and for a cache that may start cold. */
    kind: z.literal('ephemeral'),
    /** The most that may be written, in GiB. */
    sizeGibibytes: z.int().min(1),
  }),
]);

/** A sidecar that exports a store's metrics for Prometheus. */
const exporterSchema = z.strictObject({ image: storeImageSchema, resources: resourcesSchema });

/** The exporter of a database logs in by itself, and may look at statistics and nothing else. */
const databaseExporterSchema = exporterSchema.extend({
  /** Key of the database's Secret with the password of the login `exporter`. */
  passwordKey: secretKey.default('EXPORTER_PASSWORD'),
});

const inClusterFields = {
  /** Runs as a StatefulSet of one pod beside the application. */
  kind: z.literal('in-cluster'),
  image: storeImageSchema,
  storage: storageSchema,
  resources: resourcesSchema,
  /** User and group id of the process. 999 is that of the official Debian images; the Alpine PostgreSQL has 70. */
  uid: z.int().min(1).default(999),
  /** Without it the store tells Prometheus nothing. */
  exporter: exporterSchema.optional(),
};

/** Where dumps are kept. */
const backupTargetSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    /** A claim of their own, beside the database's. */
    kind: z.literal('volume'),
    sizeGibibytes: z.int().min(1),
    /** Storage class; without one, the cluster's default. */
    className: z.string().min(1).optional(),
  }),
  z.strictObject({
    /** A bucket of yours, with the interface of S3. */
    kind: z.literal('object-storage'),
    /** A dump holds everybody's data, so by HTTPS alone. */
    endpoint: z.url({ protocol: /^https$/, error: 'must be an https URL, e.g. https://s3.eu-central-1.amazonaws.com' }),
    /** The addresses that the endpoint may have: network policies know no host names. */
    cidrs: cidrs.min(1),
    region: z.string().min(1),
    bucket: z.string().regex(/^[a-z0-9][-.a-z0-9]{1,61}[a-z0-9]$/, 'must be the name of a bucket'),
    /** The folder in the bucket; no two databases may share one. */
    prefix: z
      .string()
      .regex(
        /^[-_.a-zA-Z0-9]+(\/[-_.a-zA-Z0-9]+)*$/,
        'must be a path without slashes at its ends, e.g. moneywise/staging',
      ),
    /** Who makes the storage, as rclone calls it, for what each does in its own way. */
    provider: z.enum(['AWS', 'Ceph', 'Minio', 'Other']),
    /** The Secret, made by you, that holds the two keys below. */
    secretName,
    accessKeyIdKey: secretKey.default('ACCESS_KEY_ID'),
    secretAccessKeyKey: secretKey.default('SECRET_ACCESS_KEY'),
    /** An image with rclone, e.g. the official `rclone/rclone`. */
    image: storeImageSchema,
    /** Node disk for one dump on its way, in GiB. */
    scratchGibibytes: z.int().min(1),
  }),
]);

/** Nightly dumps of a database in the cluster, and a restore that proves them. */
const backupSchema = z.strictObject({
  /** When a dump is made, as cron has it, in UTC. */
  schedule: z
    .string()
    .regex(/^(\S+ ){4}\S+$/, 'must be five fields, e.g. 15 2 * * *')
    .default('15 2 * * *'),
  /** When the newest dump is restored beside the database, as cron has it, in UTC. */
  verifySchedule: z
    .string()
    .regex(/^(\S+ ){4}\S+$/, 'must be five fields, e.g. 15 4 * * *')
    .default('15 4 * * *'),
  /** Dumps kept; the Job that makes a new one removes the oldest. */
  keep: z.int().min(1).default(14),
  /** The oldest that the newest dump may be when it is verified, in hours. */
  maxAgeHours: z.int().min(1).default(26),
  target: backupTargetSchema,
  resources: resourcesSchema.prefault({ cpuMillis: 100, memoryMebibytes: 256 }),
});

const externalFields = {
  /** A managed service outside the cluster; no data store is rendered. */
  kind: z.literal('external'),
  host: z.string().regex(/^[a-zA-Z0-9]([-.a-zA-Z0-9]*[a-zA-Z0-9])?$/, 'must be the host name of the managed service'),
  /** The addresses that the host may have, e.g. of its subnets: network policies know no host names. */
  cidrs: cidrs.min(1),
};

const databaseFields = {
  /** The database (`DB_NAME`). */
  name: z.string().min(1).default('moneywise'),
  /** The login (`DB_USERNAME`). */
  username: z.string().min(1).default('moneywise'),
  /** The PostgreSQL schema (`DB_SCHEMA`). */
  schema: z.string().min(1).default('public'),
  port: port.default(5432),
  /** The Secret, made by you, that holds the two keys below. */
  secretName,
  /** Key with the password of at least 8 characters (`DB_PASSWORD`). */
  passwordKey: secretKey.default('DB_PASSWORD'),
  /** Key with the whole URL for Prisma (`DATABASE_URL`); it must agree with host, port, name, login and password. */
  urlKey: secretKey.default('DATABASE_URL'),
};

const databaseSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    ...inClusterFields,
    ...databaseFields,
    exporter: databaseExporterSchema.optional(),
    backup: backupSchema.optional(),
  }),
  z.strictObject({ ...externalFields, ...databaseFields }),
]);

const cacheFields = {
  port: port.default(6379),
  /** Number of the logical database, 0 to 15 (`REDIS_DB`). */
  index: z.int().min(0).max(15).default(0),
  /** The Secret, made by you, that holds the two keys below. */
  secretName,
  /** Key with the password (`REDIS_PASSWORD`). */
  passwordKey: secretKey.default('REDIS_PASSWORD'),
  /** Key with the whole URL (`REDIS_URL`); it must agree with host, port and password. */
  urlKey: secretKey.default('REDIS_URL'),
};

const cacheSchema = z.discriminatedUnion('kind', [
  z.strictObject({ ...inClusterFields, ...cacheFields }),
  z.strictObject({ ...externalFields, ...cacheFields }),
]);

/**
 * What keeps a member abortable between its switch and the decision about the whole set. It is a metric of the
 * post-promotion analysis, ended by whoever decides; see ARCHITECTURE.md, "How a set becomes atomic".
 */
const holdSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    /** Fails by itself when the time is up, which takes the member back: a promoter that died leaves all old. */
    kind: z.literal('dead-man-switch'),
    /** How long after the switch it fails, in seconds. */
    seconds,
  }),
  /** Waits for a person for as long as it takes: the member stays switched and abortable. */
  z.strictObject({ kind: z.literal('until-ended') }),
  /** Settles as soon as the health metrics are good: for people who promote by hand. */
  z.strictObject({ kind: z.literal('none') }),
]);

/** How a new revision is judged by the controller, before the switch and again after it. */
const analysisSchema = z.strictObject({
  /** Good answers needed. */
  checks: z.int().min(1).max(100).default(5),
  /** Between two checks, in seconds. */
  intervalSeconds: seconds.default(5),
  /** How long one answer may take, in seconds. */
  timeoutSeconds: seconds.default(5),
  /** Bad answers that are forgiven. */
  failureLimit: z.int().min(0).default(0),
  /** Errors in a row that are forgiven (no answer, or a status other than 2xx); each is asked again after 10 s. */
  errorLimit: z.int().min(0).default(2),
  /** What a check that runs in a pod is given to start, in seconds: scheduling, and an image that may have to be pulled. */
  podStartSeconds: seconds.default(60),
});

/** A member whose new revision gets more and more of the traffic, in the place of blue-green. */
const canarySchema = z.strictObject({
  /**
   * What divides the traffic. `pods`: their number, and so the new revision has its first weight while it is judged. `alb`: the AWS load
   * balancer that the Ingress stands for; the new revision is judged without traffic, and all old pods stay until the release is decided.
   */
  by: z.enum(['pods', 'alb']).default('pods'),
  /**
   * Shares of the traffic. At the first one the new revision is judged before its promotion, at the last one it is held until
   * the whole release is decided.
   */
  steps: z
    .array(
      z.strictObject({
        /** Percent of the traffic; by pods in whole ones: with 3 pods, 50 is 2. The rest follows when the release settles. */
        weight: z.int('must be a whole number of percent').min(1).max(100),
        /** How long it stays at that share once it is promoted, in seconds. */
        pauseSeconds: seconds.optional(),
        /** Whether it is judged again at that share; at the last one it always is. */
        judged: z.boolean().default(false),
      }),
    )
    .min(1, 'must have at least one step, e.g. { weight: 25 }'),
});

/**
 * Load on a new revision before it is switched, beside the same on the stable one: docs/performance-gate.md. Each member is judged by
 * itself, and refused where the answer is bad or not known in time.
 */
const performanceSchema = z.strictObject({
  /** What images/promoter builds; not needed where the promoter is a Job, whose image it is. */
  image: storeImageSchema.optional(),
  /** What is asked for with GET and without a login, in turn. A service with none is not judged under load. */
  paths: z
    .strictObject({ backend: z.array(path).default(['/api/health']), web: z.array(path).default(['/']) })
    .prefault({}),
  /** Requests that each of the two revisions gets in a second. */
  requestsPerSecond: z.int().min(1).max(1000).default(25),
  /** After so long without a certain answer it is unknown, in seconds. */
  seconds: seconds.default(120),
  /** How long the new revision is asked before it is judged, in seconds: its caches are cold. */
  warmUpSeconds: seconds.default(5),
  /** How long one answer may take, in seconds; a later one is a failure. */
  timeoutSeconds: seconds.default(5),
  /** What 95 of 100 requests take at most, in seconds. */
  p95Seconds: z.number().gt(0).default(1),
  /** The share of failed requests that is too much, in percent. */
  errorPercent: percent.default(5),
  /** How many times as long as those of the stable revision 95 of 100 requests may take. */
  slowdown: z.number().min(1).default(1.5),
  /** How probable a wrong verdict may be, of either kind. */
  errorProbability: z.number().gt(0).max(0.2).default(0.01),
  resources: resourcesSchema.prefault({ cpuMillis: 250, memoryMebibytes: 256 }),
});

const strategySchema = z.discriminatedUnion('kind', [
  /** Plain Deployments with one Service each: no preview, no analysis, nothing to promote. */
  z.strictObject({ kind: z.literal('deployment') }),
  z.strictObject({
    /** Rollouts: the new revision comes up beside the old one, is analysed, and waits to be promoted as a set. */
    kind: z.literal('blue-green'),
    hold: holdSchema,
    analysis: analysisSchema.prefault({}),
    /** The members that are canaries instead. */
    canaries: z.strictObject({ backend: canarySchema.optional(), web: canarySchema.optional() }).prefault({}),
    performance: performanceSchema.optional(),
    /** How long the old pods stay after a release has settled, in seconds: the time for an instant way back. */
    scaleDownDelaySeconds: seconds,
    /**
     * How long rejected pods stay after an abort, in seconds. Never 0: the controller would then keep them for ever
     * and bring them back when the promoter retires them.
     */
    abortScaleDownDelaySeconds: seconds,
    /** Without progress for so long, a revision counts as failing, in seconds. The analysis does not stop this clock. */
    progressDeadlineSeconds: seconds.default(600),
    /** Old revisions kept for a way back. */
    revisionHistoryLimit: z.int().min(2).default(5),
    /** What the promoter allows each part of a release, in seconds; the meaning is that of the release policy. */
    timeouts: z
      .strictObject({
        prepareSeconds: seconds.default(900),
        switchSeconds: seconds.default(30),
        verifySeconds: seconds.default(180),
        settleSeconds: seconds.default(60),
        returnSeconds: seconds.default(60),
      })
      .prefault({}),
    /** The least hold time that must be left when the promoter decides to settle, in seconds. */
    holdMarginSeconds: seconds.default(10),
  }),
]);

/**
 * Everything in which one environment may differ from another. The charts read these fields and never the name of the
 * environment; a rule that holds for some environments only is a field here, too.
 */
export const overlaySchema = z.strictObject({
  /** The folder in dist/, the name of the release, and the label `app.kubernetes.io/instance`. */
  name: dnsLabel,
  /** Where it runs. The Namespace is rendered with Pod Security `restricted` enforced. */
  namespace: dnsLabel,
  /** `NODE_ENV` and `SENTRY_ENVIRONMENT` of the backend. */
  environment: z.enum(['development', 'staging', 'production']),
  /** How images are named: by digest alone, or by a tag that may move. */
  imagePins: z.enum(['digest', 'tag']).default('digest'),
  /** Whether database and cache must be managed services outside the cluster. */
  requireExternalData: z.boolean().default(false),
  strategy: strategySchema,
  hosts: z.strictObject({
    /** The public web host. It also serves `/api`, so that one web image with a same-origin API path fits everywhere. */
    web: hostName,
    /** The public API host, all of which goes to the backend. */
    api: hostName,
    /** Serves the web and the API of the revision that is not live yet; needed by, and only by, blue-green. */
    preview: hostName.optional(),
  }),
  ingress: ingressSchema,
  network: networkSchema.prefault({}),
  secrets: secretsSchema.prefault({ kind: 'user-made' }),
  monitoring: monitoringSchema.prefault({ kind: 'none' }),
  /** Who is told of a release, and of what: the release policy's field. By default nobody. */
  notifications: notificationsSchema.prefault({}),
  promoter: promoterSchema.prefault({ kind: 'outside' }),
  /** Without it the overlay has no Application of Argo CD, and nothing of it is written to Git. */
  gitops: gitopsSchema.optional(),
  /** When nothing may be pinned for this overlay by push, nor promoted; abort and rollback always may. */
  freezes: z.array(freezeSchema).default([]),
  /** Image names without tag or digest; the pins add the digest. */
  images: z.strictObject({
    backend: repository,
    web: repository,
    /**
     * Which of them are built for this environment alone, e.g. a web image with `NEXT_PUBLIC_API_URL` inlined: `pin --from`
     * takes them from no other.
     */
    environmentBound: z.array(z.enum(['backend', 'web'])).default([]),
    /** The Secret with the login of a private registry (type dockerconfigjson). */
    pullSecretName: secretName.optional(),
  }),
  backend: z.strictObject({
    /** Pods of one revision; with `autoscaling`, the fewest. */
    replicas: z.int().min(1),
    autoscaling: autoscalingSchema.optional(),
    resources: resourcesSchema,
    logLevel: z.enum(['error', 'warn', 'log', 'debug', 'verbose']).default('log'),
    /** The backend's own metrics (`METRICS_*`), which are JSON or CloudWatch, never Prometheus text. */
    metrics: z
      .strictObject({ enabled: z.boolean().default(true), flushIntervalMillis: z.int().min(1000).default(60_000) })
      .prefault({}),
    /** Optional groups of the application's settings that have no field of their own here. */
    extraEnv: z
      .record(
        z.string().regex(/^(CLOUDWATCH|TIMESCALEDB)_[A-Z0-9_]+$/, 'must be CLOUDWATCH_… or TIMESCALEDB_…'),
        z.string(),
      )
      .default({}),
  }),
  web: z.strictObject({
    /** Pods of one revision; with `autoscaling`, the fewest. */
    replicas: z.int().min(1),
    autoscaling: autoscalingSchema.optional(),
    resources: resourcesSchema,
    /** Where Next.js writes its cache inside the image; the rest of the file system is read-only. */
    cachePath: path.default('/app/apps/web/.next/cache'),
  }),
  /**
   * How long a pod keeps serving after it was told to stop, in seconds: the time for its address to leave every
   * Service. The backend exits at once on SIGTERM, so this is all the draining it does.
   */
  drainSeconds: seconds.default(10),
  database: databaseSchema,
  cache: cacheSchema,
  /** The application's own credentials. */
  credentials: z.strictObject({
    /** The Secret, made by you, that holds the keys below. */
    secretName,
    /** Key with at least 32 characters (`JWT_ACCESS_SECRET`). */
    jwtAccessKey: secretKey.default('JWT_ACCESS_SECRET'),
    /** Key with at least 32 characters, a different value (`JWT_REFRESH_SECRET`). */
    jwtRefreshKey: secretKey.default('JWT_REFRESH_SECRET'),
    /** Key with the https URL of the Sentry project (`SENTRY_DSN`). */
    sentryDsnKey: secretKey.default('SENTRY_DSN'),
  }),
  sentry: z.strictObject({
    /** Whether the DSN must be there; the application insists on it in staging and production. */
    required: z.boolean().default(true),
    /** Share of traces that are sent, 0 to 1 (`SENTRY_TRACES_SAMPLE_RATE`). */
    tracesSampleRate: z.number().min(0).max(1),
  }),
  migration: z
    .strictObject({
      /** Brings the database to the schema of the backend image; run once a release, in that image. */
      command: z
        .array(z.string().min(1))
        .min(1)
        .default(['node', 'node_modules/prisma/build/index.js', 'migrate', 'deploy']),
      /** Where the command runs; without one, the image's own working directory. */
      workingDir: path.optional(),
    })
    .prefault({}),
  health: z
    .strictObject({
      /** The backend's health route as the public API host serves it. */
      publicPath: path.default('/api/health'),
      /** Whether the promoter asks the public URLs, or the active Services through the API server. */
      checkVia: z.enum(['url', 'service']).default('url'),
      /**
       * How the health route writes the pinned version, which it must then name, since that tells the new pods' answers
       * from the old ones': `bare` without a leading `v`, as package.json has it; `tag` as pinned; `none` for an image
       * that reports something else, which is then not checked.
       */
      reportedVersion: z.enum(['bare', 'tag', 'none']).default('bare'),
    })
    .prefault({}),
});

/** An overlay as it is written: fields with a default may be left out. */
export type OverlayInput = z.input<typeof overlaySchema>;
/** An overlay with every default filled in and its image pins. */
export type Overlay = z.output<typeof overlaySchema> & { readonly pins: z.output<typeof pinsSchema> };
/** What a member that is a canary has of its own. */
export type Canary = z.output<typeof canarySchema>;
/** The blue-green part of an overlay that has one. */
export type BlueGreen = Extract<Overlay['strategy'], { kind: 'blue-green' }>;
export type Performance = NonNullable<BlueGreen['performance']>;
export type Resources = z.output<typeof resourcesSchema>;
export type Storage = z.output<typeof storageSchema>;
export type Exporter = z.output<typeof exporterSchema>;
export type Backup = z.output<typeof backupSchema>;
export type BackupVolume = Extract<Backup['target'], { kind: 'volume' }>;
export type ObjectStorage = Extract<Backup['target'], { kind: 'object-storage' }>;
export type Autoscaling = z.output<typeof autoscalingSchema>;
export type Tls = z.output<typeof tlsSchema>;
export type Monitoring = Extract<z.output<typeof monitoringSchema>, { kind: 'prometheus-operator' }>;
/** The promoter of an overlay that runs it in the cluster. */
export type PromoterInCluster = Extract<z.output<typeof promoterSchema>, { kind: 'job' }>;
export type Network = z.output<typeof networkSchema>;
