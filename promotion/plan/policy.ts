import { z } from 'zod';
import { repositoryAddress } from '../git/address.ts';
import { freezeSchema } from './freeze.ts';
import { notificationsSchema } from './notifications.ts';

/** A whole or fractional number of seconds above zero. */
const seconds = z.number().positive().max(86_400);

/** An address of its own; credentials in it would be in Git and in every event. */
const url = z.url({ protocol: /^https?$/ }).refine((text) => !URL.canParse(text) || !new URL(text).username, {
  error: 'must not carry credentials: everybody who may read this policy could use them',
});

/** A Service, which is reached through the API server's proxy, so that the promoter needs no route into the cluster. */
const service = {
  service: z.string().min(1),
  port: z.union([z.int().min(1).max(65_535), z.string().min(1)]),
  scheme: z.enum(['http', 'https']).default('http'),
};

/** When and how often a question is asked. */
const asking = {
  /** What a person calls it; unique among all questions of a policy. */
  name: z.string().min(1),
  /** Asked before the switch, when every member is prepared, or after it, when every member is live. */
  when: z.enum(['before-switch', 'after-switch']).default('after-switch'),
  /** How often it is asked at most before the verdict stands; 5 is from the release document. */
  tries: z.int().min(1).max(1000).default(5),
  /**
   * How many good answers in a row make a pass. One is too few after a switch: until every node has followed it, which
   * takes a moment, an answer may still come from the old revision.
   */
  samples: z.int().min(1).max(1000).default(3),
  /** Between two tries. */
  intervalSeconds: seconds.default(2),
  /** How long one try may take. */
  timeoutSeconds: seconds.default(5),
};

const canPass = ({ tries, samples }: { tries: number; samples: number }) => samples <= tries;
const cannotPass = { path: ['samples'], error: 'must not be more than tries, or it can never pass' };

/** What a good answer looks like. */
const expectSchema = z
  .strictObject({
    status: z.int().min(100).max(599).default(200),
    /** Dotted path into a JSON body → the value that must stand there, e.g. `{status: 'ok'}`. */
    json: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
    /** Text that the body must contain. */
    body: z.string().min(1).optional(),
    /**
     * Which version must have answered, and the dotted path at which a JSON body names it. What another version
     * says, or one that is not named, is no evidence about this one: unknown, whatever it says.
     */
    version: z.strictObject({ value: z.string().min(1), path: z.string().min(1).default('version') }).optional(),
  })
  .prefault({});

/**
 * One question asked over HTTP on a fresh connection, because an open one stays on the pods it was opened to.
 * An answer that differs from `expect` fails; no answer at all leaves the verdict unknown. Neither lets a release pass.
 */
export const healthCheckSchema = z
  .strictObject({
    ...asking,
    /** Where to ask: an absolute URL, or a Service of the release's namespace. */
    target: z.union([z.strictObject({ url }), z.strictObject({ ...service, path: z.string().startsWith('/') })]),
    expect: expectSchema,
    /**
     * How many redirects are followed, of a URL only and never from https to http. 0 follows none: a redirect is then an
     * answer like any other, with its own status.
     */
    redirects: z.int().min(0).max(10).default(0),
  })
  .refine(({ redirects, target }) => redirects === 0 || 'url' in target, {
    path: ['redirects'],
    error: 'are followed for a url only: what a Service redirects to is not behind the API server',
  })
  .refine(canPass, cannotPass);

/** What anybody may ask through a public host: what the command `health-check` asks. No release waits for it. */
export const publicPathSchema = z.strictObject({
  /** What a person calls it. */
  name: z.string().min(1),
  url,
  expect: expectSchema,
  /** As of a health check. */
  redirects: z.int().min(0).max(10).default(0),
  /** A plain address of the same host, which must lead to HTTPS. Without it plain HTTP is not asked. */
  redirectFrom: url.refine((text) => text.startsWith('http:'), { error: 'must be an http URL' }).optional(),
});

/**
 * One question asked of Prometheus. `query` must give one series, whose value is compared with the threshold; anything
 * else (no series, several, NaN, an infinity, a scalar, an old sample, a warning) is unknown.
 */
export const querySchema = z
  .strictObject({
    ...asking,
    /** Where Prometheus is: the URL, or the Service and path, in front of `/api/v1/query`. */
    target: z.union([
      z.strictObject({ url }),
      z.strictObject({
        ...service,
        /** Where the Service is; default: the release's namespace. */
        namespace: z.string().min(1).optional(),
        path: z
          .string()
          .regex(/^(\/.*)?$/, 'must begin with a slash')
          .default(''),
      }),
    ]),
    /** PromQL. */
    query: z.string().min(1),
    /** The value must be less than this. Exactly one of `below` and `above` is given. */
    below: z.number().optional(),
    /** The value must be more than this. */
    above: z.number().optional(),
    /**
     * PromQL for when the newest sample was taken that `query` rests on, in seconds since 1970, e.g.
     * `max(timestamp(http_requests_total))`. An answer carries the time of its evaluation, which says nothing about the
     * age of what was evaluated; without this only that time is checked.
     */
    newest: z.string().min(1).optional(),
    /** How old an answer, and the newest sample, may be. */
    maxAgeSeconds: seconds.default(60),
    /** How far back `query` looks: it is first asked after that time, so that nothing in it is from before the switch. */
    windowSeconds: z.number().min(0).max(86_400).default(0),
    /** What no series at all means, e.g. of a route that nobody asked for. */
    whenEmpty: z.enum(['unknown', 'pass']).default('unknown'),
  })
  .refine(canPass, cannotPass)
  .refine(({ below, above }) => (below === undefined) !== (above === undefined), {
    path: ['below'],
    error: 'give exactly one of below and above',
  });

/** The repository whose manifests are applied. */
export const gitSchema = z.strictObject({
  /** As git takes it: a URL, `user@host:path` or a path. Who may push is git's own business: no credentials in here. */
  repository: repositoryAddress,
  /** The branch that is applied, and that changes go to. */
  branch: z.string().min(1),
  /** Whether a change is pushed to that branch, or to one of its own for a pull request into it. */
  mode: z.enum(['push', 'pull-request']),
  /** The Application of Argo CD that applies it, where there is one. */
  application: z
    .strictObject({
      name: z.string().min(1),
      namespace: z.string().min(1),
      /** How long it may take, after a release went back, until the cluster is what Git asks for. */
      syncSeconds: seconds.default(180),
    })
    .optional(),
});

/**
 * What a promotion needs to know beside the objects themselves: the YAML under `policy.yaml` of the ConfigMap
 * `release-policy` in a manifests folder. Every field has a default, so a folder without one is promoted by these.
 */
export const policySchema = z.strictObject({
  /** Names the release: one run at a time acts on it in a namespace. */
  release: z.string().min(1).default('release'),
  /** The version that the image pins name, e.g. `v1.2.3`; only shown. */
  version: z.string().min(1).optional(),
  /**
   * The post-promotion metric that holds a switched member so that it can still be aborted. It never succeeds by
   * itself, so it is not a verdict; the promoter ends it once the whole set may settle.
   */
  holdMetric: z.string().min(1).default('hold'),
  /** The least hold time that must be left on every member when the decision to settle is taken. */
  holdMarginSeconds: seconds.default(10),
  /** The longest that each part of a release may take, each counted from the start of that part. */
  timeouts: z
    .strictObject({
      /** Until every member is up, analysed and paused before the switch. */
      prepareSeconds: seconds.default(900),
      /** Until the active Services of members that switch together are read back on the new revision. */
      switchSeconds: seconds.default(60),
      /** Until every verdict after the switch is in. */
      verifySeconds: seconds.default(300),
      /** Until the new revision of every member is also the stable one. */
      settleSeconds: seconds.default(60),
      /** Until the controller has brought a member's traffic back; then the promoter escalates or says `stuck`. */
      returnSeconds: seconds.default(60),
    })
    .prefault({}),
  healthChecks: z.array(healthCheckSchema).default([]),
  publicPaths: z.array(publicPathSchema).default([]),
  /** What the pods of the new revision must show. */
  podHealth: z
    .strictObject({
      /** Restarts of a container that are forgiven; a kill for memory and a crash loop never are. */
      restarts: z.int().min(0).default(0),
      /**
       * How long every pod must have been live and ready without a break before the release may settle. A crash under the
       * first requests shows within a second or two; longer is for what shows later.
       */
      bakeSeconds: z.number().min(0).max(86_400).default(5),
    })
    .prefault({}),
  /** Questions asked of Prometheus. */
  queries: z.array(querySchema).default([]),
  /** Who is told; by default nobody. */
  notifications: notificationsSchema.prefault({}),
  /** When nothing may be promoted; the way back is always open. */
  freezes: z.array(freezeSchema).default([]),
  /** Where what happens to a release is recorded, and where its image pins are put back. Without it Git is left alone. */
  git: gitSchema.optional(),
});

/** A policy with every default filled in. */
export type Policy = z.output<typeof policySchema>;
/** A policy as it is written: fields with a default may be left out. */
export type PolicyInput = z.input<typeof policySchema>;
export type HealthCheck = z.output<typeof healthCheckSchema>;
export type PublicPath = z.output<typeof publicPathSchema>;
export type Query = z.output<typeof querySchema>;

/** Everything that a policy has asked, whomever it asks. */
export function questionsOf({ healthChecks, queries }: Policy): readonly (HealthCheck | Query)[] {
  return [...healthChecks, ...queries];
}

/** What a question is called, in words. */
export function titleOf(question: HealthCheck | Query): string {
  return `${'query' in question ? 'query' : 'health check'} ${question.name}`;
}
