import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import dockerignore, { type Ignore } from '@balena/dockerignore';
import {
  type Arg,
  type Copy,
  DockerfileParser,
  type Env,
  type From,
  type JSONInstruction,
  type Run,
} from 'dockerfile-ast';
import { run } from '../../testbed/run.ts';

/** What the instructions of a stage have made so far. */
export interface Stage {
  /** The folder that stands for `/`. */
  readonly root: string;
  /** As the image has it, e.g. `/app`. */
  workdir: string;
  env: Record<string, string>;
  labels: Record<string, string>;
  user?: string;
  entrypoint?: string[];
  command?: string[];
  /** The command of the health check. */
  health?: string[];
}

export interface Build {
  /** The last stage. */
  readonly final: Stage;
  /** The image that each stage without a parent stage is from. */
  readonly bases: readonly string[];
  /** The commands that were not run. */
  readonly left: readonly string[];
}

export interface BuildSettings {
  readonly dockerfile: string;
  readonly context: string;
  /** Folders that take the place of stages, by name: `--build-context`. */
  readonly contexts?: Readonly<Record<string, string>>;
  /** An empty folder, in which each stage gets one. */
  readonly scratch: string;
  readonly args?: Readonly<Record<string, string>>;
  /** Variables of all commands beside those of the Dockerfile. */
  readonly env?: Readonly<Record<string, string>>;
  /** The stage to end with. @default - the last one */
  readonly target?: string;
}

/**
 * Does what a Dockerfile says, with folders of this machine for its stages: the base images are this machine with its own
 * Node, commands of `apk` are left out, everything else is done.
 * @throws with what a command said, when it fails.
 */
export async function buildStages(settings: BuildSettings): Promise<Build> {
  const { args = {}, context, contexts = {}, dockerfile, env: more = {}, scratch, target } = settings;
  const stages = new Map<string, Stage>();
  const [bases, left]: [string[], string[]] = [[], []];
  const ignored = dockerignore.default().add(await readFile(`${dockerfile}.dockerignore`, 'utf8'));
  let stage: Stage | undefined;
  for (const instruction of DockerfileParser.parse(await readFile(dockerfile, 'utf8')).getInstructions()) {
    const keyword = instruction.getKeyword();
    if (keyword === 'FROM') {
      const from = instruction as From;
      const name = from.getBuildStage() ?? String(stages.size);
      if (target && stages.has(target)) break;
      const parent = stages.get(from.getImage() ?? '');
      const given = contexts[name];
      if (!parent && !given) bases.push(from.getImage() ?? '');
      stage = await begin(join(scratch, name), parent);
      if (given) await copyTree(given, stage.root);
      stages.set(name, stage);
      continue;
    }
    if (!stage) throw new Error(`${dockerfile}: ${keyword} stands before the first FROM`);
    const here = stage;
    const expanded = () => instruction.getExpandedArguments().map((argument) => expand(argument.getValue(), here.env));
    switch (keyword) {
      case 'ARG': {
        const property = (instruction as Arg).getProperty();
        const name = property?.getName() ?? '';
        here.env[name] = args[name] ?? expand(property?.getValue() ?? '', here.env);
        break;
      }
      case 'ENV':
      case 'LABEL':
        for (const property of (instruction as Env).getProperties())
          (keyword === 'ENV' ? here.env : here.labels)[property.getName()] = expand(
            property.getValue() ?? '',
            here.env,
          );
        break;
      case 'WORKDIR':
        here.workdir = resolve(here.workdir, expanded()[0] ?? '');
        await mkdir(join(here.root, here.workdir), { recursive: true });
        break;
      case 'COPY': {
        const copy = instruction as Copy;
        const from = copy.getFromFlag()?.getValue();
        const words = expanded();
        const to = join(here.root, resolve(here.workdir, words.pop() ?? ''));
        if (!from) await copyContext(context, words, to, ignored);
        else for (const path of words) await copyTree(join(stages.get(from)?.root ?? '', path), to);
        break;
      }
      case 'RUN': {
        const command = (instruction as Run).getArgumentsContent() ?? '';
        const text = command.replace(/^(--\S+\s+(\\\n\s*)?)+/, '');
        if (/^apk /.test(text)) left.push(text);
        else {
          for (const flag of (instruction as Run).getFlags()) await mountCache(flag.getValue() ?? '', here, scratch);
          await run(['sh', '-ec', text], { cwd: join(here.root, here.workdir), env: environment(here, more) });
        }
        break;
      }
      case 'USER':
        here.user = expanded()[0] ?? '';
        break;
      case 'ENTRYPOINT':
        here.entrypoint = words(instruction as JSONInstruction);
        break;
      case 'CMD':
        here.command = words(instruction as JSONInstruction);
        break;
      case 'HEALTHCHECK':
        here.health = JSON.parse(/\bCMD\s+(\[.*\])/s.exec(instruction.getArgumentsContent() ?? '')?.[1] ?? '[]');
        break;
      case 'EXPOSE':
        break;
      default:
        throw new Error(`${dockerfile}: nothing here does ${keyword}`);
    }
  }
  const final = (target && stages.get(target)) || stage;
  if (!final) throw new Error(`${dockerfile} has no stage`);
  return { final, bases, left };
}

async function begin(root: string, parent: Stage | undefined): Promise<Stage> {
  if (parent) await run(['cp', '-al', parent.root, root]);
  else await mkdir(root);
  const { env = {}, labels = {}, workdir = '/' } = parent ?? {};
  return { root, workdir, env: { ...env }, labels: { ...labels } };
}

/** Variables as builds have them: no quotes, `$NAME`, `${NAME}` and `${NAME#prefix}`. */
function expand(text: string, env: Readonly<Record<string, string>>): string {
  return text
    .replace(/^"(.*)"$/s, '$1')
    .replace(/\$\{(\w+)#(\w+)\}|\$\{(\w+)\}|\$(\w+)/g, (_, trimmed, prefix, braced, bare) => {
      const value = env[trimmed ?? braced ?? bare] ?? '';
      return prefix && value.startsWith(prefix) ? value.slice(prefix.length) : value;
    });
}

const words = (instruction: JSONInstruction): string[] =>
  instruction.getJSONStrings().map((word) => JSON.parse(word.getValue()) as string);

/** This machine's programs, with the stage's own in front and what the stage's Dockerfile sets. */
function environment({ env, root }: Stage, more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const { NODE_ENV: _, VITEST: __, XDG_CACHE_HOME: ___, XDG_DATA_HOME: ____, ...own } = process.env;
  const prefix = join(root, 'usr/local');
  return {
    ...own,
    // Where this machine reaches its registry.
    NPM_CONFIG_USERCONFIG: own.NPM_CONFIG_USERCONFIG ?? join(homedir(), '.npmrc'),
    HOME: join(root, 'root'),
    PATH: `${join(prefix, 'bin')}:${own.PATH}`,
    npm_config_prefix: prefix,
    ...more,
    ...env,
  };
}

/** A cache mount is one folder for all stages and images. */
async function mountCache(mount: string, { root }: Stage, scratch: string): Promise<void> {
  const option = (name: string) => new RegExp(`(?:^|,)${name}=([^,]+)`).exec(mount)?.[1];
  const [target, id] = [option('target'), option('id')];
  if (option('type') !== 'cache' || !target || !id) return;
  const [cache, at] = [join(dirname(scratch), 'caches', id), join(root, target)];
  await mkdir(cache, { recursive: true });
  if (existsSync(at)) return;
  await mkdir(dirname(at), { recursive: true });
  await symlink(cache, at);
}

/** As COPY does: a folder's content, or a file into or as the destination. */
async function copyTree(from: string, to: string): Promise<void> {
  const isFolder = await readdir(from).then(
    () => true,
    () => false,
  );
  await mkdir(isFolder || to.endsWith('/') || existsSync(to) ? to : dirname(to), { recursive: true });
  await run(isFolder ? ['cp', '-al', `${from}/.`, to] : ['cp', '-a', from, to]);
}

async function copyContext(context: string, paths: readonly string[], to: string, ignored: Ignore): Promise<void> {
  for (const path of paths) {
    const start = join(context, path);
    for (const entry of await readdir(start, { recursive: true, withFileTypes: true })) {
      const file = join(entry.parentPath, entry.name);
      if (!entry.isFile() || ignored.ignores(relative(context, file))) continue;
      const target = join(to, relative(start, file));
      await mkdir(dirname(target), { recursive: true });
      await copyFile(file, target);
    }
  }
}

/** Every file and link below a folder of a stage, as paths from there. */
export async function filesOf({ root }: Stage, folder: string): Promise<string[]> {
  const start = join(root, folder);
  const entries = await readdir(start, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(start, join(entry.parentPath, entry.name)));
}

export interface Started {
  /** What the process said on both of its outputs. */
  said(): string;
  /** The process's exit code once it has ended, or its signal. */
  readonly ended: Promise<number | NodeJS.Signals | null>;
  stop(signal: NodeJS.Signals): void;
}

/**
 * Starts a command of an image as the image's user, by this process if it may, with the image's environment and no more.
 */
export function start(stage: Stage, argv: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
  const [command = '', ...args] = argv;
  const [uid = 0, gid = 0] = (stage.user ?? '').split(':').map(Number);
  const child = spawn(command, args, {
    cwd: join(stage.root, stage.workdir),
    env: { PATH: process.env.PATH, ...stage.env, ...env },
    ...(process.getuid?.() === 0 ? { uid, gid } : {}),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
  }
  const ended = new Promise<number | NodeJS.Signals | null>((done, failed) => {
    child.on('error', failed);
    child.on('close', (code, signal) => done(code ?? signal));
  });
  return { said: () => text, ended, stop: (signal) => child.kill(signal) };
}

/** Removes what a build made. */
export const clear = (scratch: string): Promise<void> => rm(scratch, { recursive: true, force: true });
