import { createHash } from 'node:crypto';
import { chmod, cp, mkdir, mkdtemp, readFile, stat, writeFile } from 'node:fs/promises';
import { Agent, createServer, get, type Server } from 'node:http';
import { type AddressInfo, createServer as createSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeUid } from '../../charts/names.ts';
import { loadOverlay, overlayNames } from '../../overlays/load.ts';
import { find, objectsOf, ofKind } from '../../test/charts/objects.ts';
import { until } from '../../testbed/run.ts';
import { type Build, buildStages, clear, filesOf, type Stage, start } from './stages.ts';

// The Dockerfiles, done stage by stage over a small monorepo of MoneyWise's shape. What that leaves out is in docs/images.md.

const secret = 'POSTGRES_PASSWORD=do-not-ship';
let scratch: string;
let mirror: Server;
let images: Record<'backend' | 'web', Build>;

/** The commit of the engines, in the path of each download. */
let engineCommit = '';

/**
 * Serves Prisma's engines as its own host does, which no test reaches: each is a program that knows its version, and else
 * fails.
 */
function engineMirror(): Promise<Server> {
  const engine = Buffer.from(
    `#!/bin/sh
    [ "$1" = --version ] && echo "stand-in $ENGINE_COMMIT" && exit
    exit 7
    `,
  );
  const zipped = gzipSync(engine);
  const sha256 = (content: Buffer) => createHash('sha256').update(content).digest('hex');
  const server = createServer(({ url = '' }, answer) => {
    engineCommit = /[0-9a-f]{40}/.exec(url)?.[0] ?? engineCommit;
    if (url.endsWith('.gz.sha256')) answer.end(sha256(zipped));
    else if (url.endsWith('.sha256')) answer.end(sha256(engine));
    else answer.end(zipped);
  });
  return new Promise((done) => server.listen(0, '127.0.0.1', () => done(server)));
}

async function build(name: 'backend' | 'web', context: string, target?: string): Promise<Build> {
  const folder = join(scratch, target ? `${name}-${target}` : name);
  await mkdir(folder);
  return buildStages({
    dockerfile: `images/${name}/Dockerfile`,
    context,
    contexts: { preload: 'images/node' },
    scratch: folder,
    args: { VERSION: 'v1.2.3', REVISION: 'abc', NEXT_PUBLIC_API_URL: '/api' },
    env: { PRISMA_ENGINES_MIRROR: `http://127.0.0.1:${(mirror.address() as AddressInfo).port}` },
    ...(target ? { target } : {}),
  });
}

beforeAll(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'moneywise-images-'));
  await chmod(scratch, 0o755);
  mirror = await engineMirror();
  const context = join(scratch, 'monorepo');
  await cp('e2e/checks/monorepo', context, { recursive: true });
  for (const file of ['.env', 'apps/backend/.env.production', 'apps/web/.env.local'])
    await writeFile(join(context, file), secret);
  for (const file of ['.git/HEAD', 'node_modules/left-over/index.js', 'apps/backend/node_modules/left-over/index.js']) {
    await mkdir(join(context, file, '..'), { recursive: true });
    await writeFile(join(context, file), secret);
  }
  const [backend, web] = await Promise.all([build('backend', context), build('web', context)]);
  images = { backend, web };
}, 900_000);

afterAll(async () => {
  mirror?.close();
  await clear(scratch);
});

const freePort = (): Promise<number> =>
  new Promise((done) => {
    const socket = createSocket();
    socket.listen(0, '127.0.0.1', () => {
      const { port } = socket.address() as AddressInfo;
      socket.close(() => done(port));
    });
  });

/** Runs an image as its container would run, asks it a question, and stops it. */
async function serving(stage: Stage, path: string) {
  const port = String(await freePort());
  const server = start(stage, stage.command ?? [], { PORT: port });
  try {
    let answer: Response | undefined;
    await until(`an answer of ${path}`, 30, async () => {
      answer = await fetch(`http://127.0.0.1:${port}${path}`);
      return true;
    });
    const body = await answer?.text();
    const health = await start(stage, stage.health ?? [], { PORT: port }).ended;
    server.stop('SIGTERM');
    return { status: answer?.status, body, health, ended: await server.ended };
  } finally {
    server.stop('SIGKILL');
    await server.ended;
  }
}

describe.each(['backend', 'web'] as const)('the image of the %s', (name) => {
  it('is of one exact version of a Node line that is still looked after', () => {
    expect(images[name].bases).toHaveLength(1);
    const [, version] = /^node:(\d+\.\d+\.\d+)-alpine3\.\d+$/.exec(images[name].bases[0] ?? '') ?? [];
    // 20 ended in April 2026; 22 ends in April 2027 and 24 in April 2028.
    expect(['22', '24']).toContain(version?.split('.')[0]);
  });

  it('leaves nothing but the init to the base image’s package manager', () => {
    expect(images[name].left).toEqual(['apk add --no-cache tini']);
    expect(images[name].final.entrypoint).toEqual(['/sbin/tini', '--']);
  });

  it('runs as the numeric user that the manifests of every overlay run it as', () => {
    expect(images[name].final.user).toBe(`${nodeUid}:${nodeUid}`);
    for (const overlay of overlayNames) {
      const objects = objectsOf(loadOverlay(overlay));
      const [workload] = [...ofKind(objects, 'Rollout'), ...ofKind(objects, 'Deployment')].filter(
        ({ metadata }) => metadata.name === name,
      );
      expect(workload.spec.template.spec.securityContext).toMatchObject({ runAsUser: nodeUid, runAsGroup: nodeUid });
    }
  });

  it('says what it is', () => {
    expect(images[name].final.labels).toEqual({
      'org.opencontainers.image.title': `moneywise-${name}`,
      'org.opencontainers.image.version': 'v1.2.3',
      'org.opencontainers.image.revision': 'abc',
      'org.opencontainers.image.source': 'https://github.com/moneywise/moneywise',
    });
    expect(images[name].final.env.SENTRY_RELEASE).toBe('moneywise@1.2.3');
  });

  it('listens where the manifests look for it', () => {
    const objects = objectsOf(loadOverlay('staging'));
    const [container] = find(objects, 'Rollout', name).spec.template.spec.containers;
    expect(container.ports.map(({ containerPort }: { containerPort: number }) => String(containerPort))).toEqual([
      images[name].final.env.PORT,
    ]);
    expect(container).not.toHaveProperty('command');
    expect(container).not.toHaveProperty('args');
  });

  it('has nothing of what stays out of the context', async () => {
    const files = await filesOf(images[name].final, '/app');
    expect(files.filter((file) => /(^|\/)\.(env|env\..*|git\/.*)$|left-over/.test(file))).toEqual([]);
  });

  it('has no tools of the build', async () => {
    const files = await filesOf(images[name].final, '/app');
    const tools =
      /^node_modules\/(\.pnpm\/)?(@nestjs[+/]cli|turbo|@turbo[+/]|typescript|@types[+/]node|webpack|@next[+/]swc)/;
    expect(files.filter((file) => tools.test(file))).toEqual([]);
    expect(
      await filesOf(images[name].final, '/').then((all) => all.filter((file) => !file.startsWith('app/'))),
    ).toEqual([]);
  });

  it('belongs to root, so that the process cannot change what it runs', async () => {
    const { root } = images[name].final;
    const [, , preload = '', main = ''] = images[name].final.command ?? [];
    for (const file of [preload, main]) {
      const { mode, uid } = await stat(join(root, 'app', file));
      expect([uid, mode & 0o022], file).toEqual([process.getuid?.(), 0]);
    }
  });

  it('ends each connection by an answer that says so, at the age that the manifests give', async () => {
    const path = name === 'backend' ? '/api/health' : '/';
    const port = String(await freePort());
    const server = start(images[name].final, images[name].final.command ?? [], {
      PORT: port,
      MAX_CONNECTION_AGE_SECONDS: '0.3',
    });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = () =>
      new Promise<string>((done, failed) =>
        get({ host: '127.0.0.1', port, path, agent }, (answer) => {
          answer.resume().on('end', () => done(`${answer.statusCode} ${answer.headers.connection}`));
        }).on('error', failed),
      );
    try {
      await until('an answer', 30, async () => (await ask()) !== '');
      const said: string[] = [];
      while (said.filter((one) => one === '200 close').length < 2) said.push(await ask());
      expect(new Set(said)).toEqual(new Set(['200 keep-alive', '200 close']));
    } finally {
      agent.destroy();
      server.stop('SIGKILL');
      await server.ended;
    }
  });

  it('does not start with an age that is none', async () => {
    const server = start(images[name].final, images[name].final.command ?? [], { MAX_CONNECTION_AGE_SECONDS: 'soon' });
    expect(await server.ended).toBe(1);
    expect(server.said()).toContain('MAX_CONNECTION_AGE_SECONDS is "soon"; give a number of seconds above 0');
  });
});

describe('the backend', () => {
  const final = () => images.backend.final;

  it('is its compiled program, its schema, and what it needs to run', async () => {
    const files = await filesOf(final(), '/app');
    const own = files.filter((file) => !file.startsWith('node_modules/')).sort();
    expect(own).toEqual([
      'dist/main.js',
      'max-connection-age.cjs',
      'package.json',
      'prisma/migrations/20251014000000_init/migration.sql',
      'prisma/migrations/migration_lock.toml',
      'prisma/schema.prisma',
    ]);
  });

  it('is well at the path that its health check asks, knows its schema, and ends at once when it is told to', async () => {
    const { body, ...rest } = await serving(final(), '/api/health');
    expect(rest).toEqual({ status: 200, health: 0, ended: 0 });
    expect(JSON.parse(body ?? '')).toEqual({
      status: 'ok',
      version: '1.2.3',
      greeting: 'hello from backend',
      models: ['Account'],
      uid: process.getuid?.() === 0 ? nodeUid : process.getuid?.(),
    });
  });

  it('is not healthy when nothing answers', async () => {
    expect(await start(final(), final().health ?? [], { PORT: String(await freePort()) }).ended).toBe(1);
  });

  it('migrates with the command of the manifests, by an engine that the image brought along', async () => {
    const { command, workingDir } = loadOverlay('production').migration;
    expect(workingDir).toBeUndefined();
    const files = await filesOf(final(), '/app');
    const env = {
      DATABASE_URL: 'postgresql://nobody:nothing@127.0.0.1:1/none',
      ENGINE_COMMIT: engineCommit,
      // The other engine is a library, whose version cannot be had of a stand-in.
      PRISMA_QUERY_ENGINE_LIBRARY: join(
        final().root,
        'app',
        files.find((file) => /libquery_engine.*\.node$/.test(file)) ?? '',
      ),
    };
    const migration = start(final(), command, env);
    expect(await migration.ended).not.toBe(0);
    expect(migration.said()).toContain('Datasource "db": PostgreSQL database "none"');
    // What the stand-in's exit makes Prisma say, in one way or another: it was found, of the right version, and started.
    expect(migration.said()).toMatch(/Schema engine (error|exited)/);
  });

  it('is refused where the Prisma CLI would be left behind', async () => {
    const context = join(scratch, 'without-prisma');
    await cp('e2e/checks/monorepo', context, { recursive: true });
    const manifest = join(context, 'apps/backend/package.json');
    const { dependencies, ...rest } = JSON.parse(await readFile(manifest, 'utf8'));
    const { prisma, ...others } = dependencies;
    await writeFile(manifest, JSON.stringify({ ...rest, dependencies: others, devDependencies: { prisma } }));
    await expect(build('backend', context, 'pruned')).rejects.toThrow('prisma must be in dependencies of apps/backend');
  });
});

describe('the web', () => {
  it('shows its page and what browsers load for it, with the API’s address of the build', async () => {
    const { final } = images.web;
    const { body = '', ...rest } = await serving(final, '/');
    expect(rest).toMatchObject({ status: 200, health: 0 });
    expect(body).toContain('hello from web');
    expect(body).toContain('/api');
    const files = await filesOf(final, '/app/apps/web');
    const [script = ''] = /(?<=\/_next\/)static\/[^"]+\.js/.exec(body) ?? [];
    expect(files).toContain(join('.next', script));
    expect(files).toContain('public/robots.txt');
    expect(files.filter((file) => /\.tsx?$/.test(file))).toEqual([]);
  });

  it('writes its cache where the manifests have a volume for it', () => {
    const { cachePath } = loadOverlay('production').web;
    expect(cachePath).toBe('/app/apps/web/.next/cache');
    expect(images.web.final.command).toEqual(['node', '--require', './max-connection-age.cjs', 'apps/web/server.js']);
  });
});
