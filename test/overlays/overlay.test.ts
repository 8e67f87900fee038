import { describe, expect, it } from 'vitest';
import { loadOverlay, OverlayError, overlayNames, parseOverlay } from '../../overlays/load.ts';
import type { OverlayInput } from '../../overlays/overlay.ts';
import type { PinsInput } from '../../overlays/pins.ts';
import { production } from '../../overlays/production.ts';
import { staging } from '../../overlays/staging.ts';
import { inBucket, inClusterDatabase, pins } from './samples.ts';

/** The lines of the error for an overlay, as if it were that of a file. */
function problems(data: unknown, given: unknown = pins): string[] {
  const sources = { overlay: 'overlays/x.ts', pins: 'overlays/pins/x.yaml' };
  try {
    parseOverlay(data as OverlayInput, given as PinsInput, sources);
  } catch (error) {
    expect(error).toBeInstanceOf(OverlayError);
    return (error as Error).message.split('\n');
  }
  return [];
}

const blueGreen = (change: object) => ({ ...staging, strategy: { ...staging.strategy, ...change } });

describe('an overlay', () => {
  it('is valid as it stands in the repository, each of them', () => {
    expect(overlayNames.map((name) => loadOverlay(name).name)).toEqual(['development', 'staging', 'production']);
  });

  it('that does not exist is refused with the names of those that do', () => {
    const message = 'overlays/: no overlay is called "prod"; take one of development, staging, production';
    expect(() => loadOverlay('prod')).toThrow(new OverlayError(message));
    expect(() => loadOverlay('toString')).toThrow(OverlayError);
  });

  it('can be made in memory, with defaults filled in', () => {
    const overlay = parseOverlay({ ...staging, name: 'rehearsal', namespace: 'rehearsal' }, pins);
    expect(overlay).toMatchObject({ name: 'rehearsal', drainSeconds: 10, imagePins: 'digest', pins });
  });

  it('tells every problem at once, in overlay and pins', () => {
    const found = problems({ ...staging, name: 'No Name', namespace: undefined }, { web: pins.web });
    expect(found).toEqual([
      'overlays/x.ts: name "No Name" must be lower-case letters, digits and dashes, e.g. moneywise-staging',
      'overlays/x.ts: namespace is missing; add it (string)',
      'overlays/pins/x.yaml: backend is missing; add it (object)',
    ]);
  });

  it('with a field that does not exist names it', () => {
    expect(problems({ ...staging, replicas: 3 })).toEqual([
      'overlays/x.ts: replicas 3 is no field here; correct its name or remove it',
    ]);
  });

  it('with a canary needs rising weights, a hold, and one that outlasts the steps', () => {
    const canaries = (steps: object[]) => ({ canaries: { web: { steps } } });
    expect(problems(blueGreen(canaries([{ weight: 10 }, { weight: 50 }])))).toEqual([]);
    expect(problems(blueGreen(canaries([{ weight: 50 }, { weight: 50 }]))).join()).toMatch(
      /strategy.canaries.web.steps .*must have weights that rise, and has 50, 50/,
    );
    expect(problems(blueGreen(canaries([]))).join()).toMatch(/must have at least one step/);
    expect(problems(blueGreen(canaries([{ weight: 10 }, { weight: 100 }]))).join()).toMatch(
      /canaries.web.steps.1.weight 100 leaves no old pod to go back to; stay below 100/,
    );
    expect(problems(blueGreen(canaries([{ weight: 101 }]))).join()).toMatch(/canaries.web.steps.0.weight 101/);
    expect(problems(blueGreen({ ...canaries([{ weight: 10 }]), hold: { kind: 'none' } })).join()).toMatch(
      /strategy.canaries.web .*would settle alone without a hold/,
    );
    expect(problems(blueGreen(canaries([{ weight: 10, pauseSeconds: 3600 }]))).join()).toMatch(
      /hold.seconds .* is too short: .*the steps of the canaries/,
    );
  });

  it('with a canary that the load balancer divides may give it all of the traffic, and needs an Ingress', () => {
    const overlay = blueGreen({ canaries: { web: { by: 'alb', steps: [{ weight: 10 }, { weight: 100 }] } } });
    expect(problems(overlay)).toEqual([]);
    const gateway = { name: 'shared', namespace: 'gateways', listener: 'https' };
    expect(problems({ ...overlay, ingress: { kind: 'gateway', gateway } }).join()).toMatch(
      /canaries.web.by "?alb"? ?divides by an Ingress, and ingress.kind is gateway; give pods/,
    );
  });

  it('with a wrong host, or the same host twice, says which', () => {
    expect(problems({ ...staging, hosts: { ...staging.hosts, web: 'https://moneywise.app' } })).toEqual([
      'overlays/x.ts: hosts.web "https://moneywise.app" must be a host name alone, e.g. api.moneywise.app',
    ]);
    expect(problems({ ...staging, hosts: { ...staging.hosts, preview: staging.hosts.web } })).toEqual([
      'overlays/x.ts: hosts.preview "staging.moneywise.app" is also hosts.web; give each its own host name',
    ]);
  });

  it('needs a preview host with blue-green, and only then', () => {
    const { web, api } = staging.hosts;
    expect(problems({ ...staging, hosts: { web, api } })[0]).toContain('hosts.preview is missing');
    expect(problems({ ...staging, strategy: { kind: 'deployment' } })[0]).toContain('remove it');
  });

  it('must not share one key between the two JWT secrets, which the backend refuses', () => {
    const credentials = { ...staging.credentials, jwtAccessKey: 'JWT', jwtRefreshKey: 'JWT' };
    expect(problems({ ...staging, credentials })[0]).toContain('credentials.jwtRefreshKey "JWT" is also');
  });

  it('must not carry a login for its repository', () => {
    for (const repository of [
      'https://me:secret@example.org/x.git',
      'https://token@example.org/x.git',
      'ssh://me:x@example.org/x',
    ]) {
      const [problem] = problems({ ...staging, gitops: { repository } });
      expect(problem).toContain('must not carry credentials');
      expect(problem).not.toMatch(/secret|token@|me:x/);
    }
    for (const repository of [
      'git@example.org:x.git',
      'ssh://git@example.org/x.git',
      'https://example.org/@x.git',
      '/srv/x.git',
    ])
      expect(problems({ ...staging, gitops: { repository } })).toEqual([]);
  });

  it('must require Sentry where the backend exits without it', () => {
    const sentry = { required: false, tracesSampleRate: 0.5 };
    expect(problems({ ...staging, sentry })[0]).toContain('sentry.required false is refused');
    expect(problems({ ...staging, sentry, environment: 'development' })).toEqual([]);
  });
});

describe('the way in and the scale', () => {
  it('need an address of the API server where health checks go by way of it', () => {
    expect(problems({ ...staging, health: { checkVia: 'service' } })[0]).toMatch(/network.apiServerCidrs is empty/);
  });

  it('contradict themselves with a certificate for plain HTTP', () => {
    expect(problems({ ...staging, ingress: { ...staging.ingress, scheme: 'http' } })).toEqual([
      'overlays/x.ts: ingress.scheme "http" contradicts ingress.tls; remove one of the two',
    ]);
    const gateway = { name: 'edge', namespace: 'edge', listener: 'http', redirectListener: 'http' };
    expect(problems({ ...staging, ingress: { kind: 'gateway', scheme: 'http', gateway } })[0]).toMatch(
      /redirectListener "http" has no HTTPS/,
    );
  });

  it('leave an autoscaler something to scale', () => {
    expect(problems({ ...staging, web: { ...staging.web, autoscaling: { maxReplicas: 2 } } })[0]).toMatch(
      /web.autoscaling.maxReplicas 2 leaves nothing to scale above web.replicas \(2\)/,
    );
  });

  it('name address ranges as such', () => {
    expect(problems({ ...staging, database: { ...staging.database, cidrs: ['10.0.0.0'] } })).toEqual([
      'overlays/x.ts: database.cidrs.0 "10.0.0.0" must be an address range, e.g. 10.20.0.0/16',
    ]);
  });
});

describe('an overlay that requires external data', () => {
  it('refuses a database in the cluster and says what to give', () => {
    expect(problems({ ...production, database: inClusterDatabase })).toEqual([
      'overlays/x.ts: database.kind "in-cluster" is not allowed where requireExternalData is true; ' +
        'give kind "external" with the host of the managed database and the secretName of its login',
    ]);
  });

  it('refuses an external database without the name of its Secret', () => {
    const { secretName: _, ...database } = production.database;
    expect(problems({ ...production, database })).toEqual([
      'overlays/x.ts: database.secretName is missing; name the Secret that holds the keys',
    ]);
  });

  it('refuses an unknown kind of database with the kinds there are', () => {
    expect(problems({ ...production, database: { ...production.database, kind: 'rds' } })).toEqual([
      `overlays/x.ts: database.kind "rds" is unknown; take one of 'in-cluster' | 'external'`,
    ]);
  });

  it('is what production is', () => {
    expect(loadOverlay('production').requireExternalData).toBe(true);
  });
});

describe('image pins', () => {
  const digest = pins.backend.digest;

  it('without a digest are refused', () => {
    expect(problems(staging, { ...pins, backend: { version: 'v1.2.3' } })).toEqual([
      'overlays/pins/x.yaml: backend.digest is missing: images go by digest here; ' +
        'add sha256:… as `crane digest IMAGE:TAG` prints it',
    ]);
  });

  it.each(['latest', 'main', 'v1', 'v1.2', '7-alpine', 'latest-pg15'])(
    'with the mutable tag %s are refused',
    (version) => {
      expect(problems(staging, { ...pins, web: { version, digest } })).toEqual([
        `overlays/pins/x.yaml: web.version "${version}" is a tag that can move; name the release tag that was built, e.g. v1.2.3`,
      ]);
    },
  );

  it.each(['v1.2.3', '1.2.3', 'v1.2.3-pre', 'v10.0.1-rc.1'])('with the release tag %s are taken', (version) => {
    expect(problems(staging, { ...pins, web: { version, digest } })).toEqual([]);
  });

  it.each(['sha256:12', `sha256:${'A'.repeat(64)}`, 'latest'])('with the broken digest %s are refused', (broken) => {
    expect(problems(staging, { ...pins, web: { version: 'v1.2.3', digest: broken } })[0]).toContain(
      `web.digest "${broken}" must be sha256: and 64 lower-case hex digits`,
    );
  });

  it('may be tags where the overlay says so', () => {
    expect(
      problems({ ...staging, imagePins: 'tag' }, { backend: { version: 'main' }, web: { version: 'main' } }),
    ).toEqual([]);
  });

  it('hold for data stores in the cluster, too', () => {
    const database = { ...inClusterDatabase, image: { repository: 'postgres', version: '15-alpine' } };
    expect(problems({ ...staging, database })).toEqual([
      'overlays/x.ts: database.image.version "15-alpine" is a tag that can move; name at least the minor version, e.g. 15.13 or 7.4.5',
      'overlays/x.ts: database.image.digest is missing: images go by digest here; add sha256:… as `crane digest IMAGE:TAG` prints it',
    ]);
  });
});

describe('dumps in a bucket', () => {
  const withTarget = (change: object) => ({
    ...staging,
    database: { ...inClusterDatabase, backup: { target: { ...inBucket, ...change } } },
  });

  it.each([
    [
      { endpoint: 'http://minio:9000' },
      'endpoint "http://minio:9000" must be an https URL, e.g. https://s3.eu-central-1.amazonaws.com',
    ],
    [{ prefix: '/dumps/' }, 'prefix "/dumps/" must be a path without slashes at its ends, e.g. moneywise/staging'],
    [{ bucket: 'Dumps' }, 'bucket "Dumps" must be the name of a bucket'],
    [
      { image: { ...inBucket.image, version: 'latest' } },
      'image.version "latest" is a tag that can move; name at least the minor version, e.g. 15.13 or 7.4.5',
    ],
  ])('are refused with what leads nowhere, or to what moves: %j', (change, problem) => {
    expect(problems(withTarget(change))).toEqual([`overlays/x.ts: database.backup.target.${problem}`]);
  });
});

describe('the times of a blue-green release', () => {
  it('leave the analysis room in the progress deadline, which runs on during it', () => {
    expect(problems(blueGreen({ progressDeadlineSeconds: 100 }))[0]).toMatch(
      /strategy.progressDeadlineSeconds 100 is too short: .* give 200 or more/,
    );
  });

  it('leave the hold time enough to switch and verify', () => {
    expect(problems(blueGreen({ hold: { kind: 'dead-man-switch', seconds: 100 } }))[0]).toMatch(
      /strategy.hold.seconds 100 is too short: .* give 250 or more/,
    );
  });

  it.each(['scaleDownDelaySeconds', 'abortScaleDownDelaySeconds'])(
    'keep pods longer than hold and verification: %s',
    (field) => {
      expect(problems(blueGreen({ [field]: 569 }))[0]).toMatch(
        new RegExp(`strategy.${field} 569 is too short: .* give 570 or more`),
      );
      expect(problems(blueGreen({ [field]: 570 }))).toEqual([]);
    },
  );

  it('keep pods longer than two switches and verification where nothing holds a member that is switched', () => {
    const without = { hold: { kind: 'none' } } as const;
    expect(problems(blueGreen({ ...without, scaleDownDelaySeconds: 329 }))[0]).toMatch(
      /scaleDownDelaySeconds 329 is too short: the pods must outlast two switches, .* give 330 or more/,
    );
    expect(problems(blueGreen({ ...without, scaleDownDelaySeconds: 330 }))).toEqual([]);
  });

  it('never keep rejected pods for ever', () => {
    expect(problems(blueGreen({ abortScaleDownDelaySeconds: 0 }))[0]).toContain('must be at least 1 second');
  });

  it('leave the verification room for the analysis', () => {
    expect(problems(blueGreen({ timeouts: { verifySeconds: 139 } }))[0]).toMatch(
      /verifySeconds 139 .* give 140 or more/,
    );
  });

  it('leave the verification room for Prometheus', () => {
    const gates = { prometheus: { service: 'prometheus', port: 9090 }, windowSeconds: 120 };
    expect(problems({ ...staging, monitoring: { kind: 'prometheus-operator', gates } })[0]).toMatch(
      /verifySeconds is too short: asking Prometheus .* may take 200 s; give 200 or more/,
    );
  });

  it('do not forgive most of the answers', () => {
    expect(problems(blueGreen({ analysis: { checks: 5, failureLimit: 3 } }))[0]).toMatch(/failureLimit 3 would pass/);
  });
});
