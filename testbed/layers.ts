import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { download, isDroppable } from './debian.ts';
import { sources } from './paths.ts';
import { run, type Say } from './run.ts';

export const debianLayers = ['base', 'node', 'postgres', 'redis', 'git'] as const;
export type DebianLayer = (typeof debianLayers)[number];

const basePackages = [
  ...['base-files', 'base-passwd', 'bash', 'dash', 'coreutils', 'libc-bin', 'sed', 'grep', 'util-linux', 'hostname'],
  ...['findutils', 'gzip'],
];

/**
 * Builds the layers' folders below `scratch` out of Debian packages and this process's own node binary.
 * @returns each layer's folder.
 */
export async function buildLayers(scratch: string, say: Say): Promise<Record<DebianLayer, string>> {
  const archive = await download(
    [...basePackages, 'postgresql-15', 'redis-server', 'redis-tools', 'git'],
    scratch,
    say,
  );
  const layer = (name: DebianLayer) => join(scratch, name);
  const base = await archive.closure(basePackages);
  const above = async (...packages: string[]) => {
    const files = await archive.closure([...basePackages, ...packages]);
    return files.filter((file) => !base.includes(file) && !isDroppable(file));
  };

  await mergeUsr(layer('base'));
  await archive.unpack(base, layer('base'));
  await finishBase(layer('base'));

  await mergeUsr(layer('node'));
  await copyNode(layer('node'), layer('base'));

  await mergeUsr(layer('postgres'));
  await archive.unpack(await above('postgresql-15'), layer('postgres'));
  await finishPostgres(layer('postgres'), layer('base'));

  await mergeUsr(layer('redis'));
  await archive.unpack(await above('redis-server', 'redis-tools'), layer('redis'));
  await finishRedis(layer('redis'), layer('base'));

  await mergeUsr(layer('git'));
  await archive.unpack(await above('git'), layer('git'));

  await seal(layer('base'), layer('node'), ['node', '--version'], say);
  await seal(layer('base'), layer('postgres'), ['/usr/lib/postgresql/15/bin/postgres', '--version'], say);
  await seal(layer('base'), layer('redis'), ['redis-server', '--version'], say);
  await seal(layer('base'), layer('git'), ['git', '--version'], say);
  return Object.fromEntries(debianLayers.map((name) => [name, layer(name)])) as Record<DebianLayer, string>;
}

const merged = ['bin', 'sbin', 'lib', 'lib64'];

/** Debian's /bin is a link to /usr/bin, and so on; packages are unpacked over these links. */
async function mergeUsr(root: string): Promise<void> {
  for (const name of merged) {
    await mkdir(join(root, 'usr', name), { recursive: true });
    await symlink(`usr/${name}`, join(root, name));
  }
}

async function finishBase(root: string): Promise<void> {
  for (const folder of ['app', 'data', 'dev', 'etc', 'proc', 'root', 'run', 'sys', 'tmp', 'var/lib']) {
    await mkdir(join(root, folder), { recursive: true });
  }
  await run(['chmod', '1777', join(root, 'tmp')]);
  await rm(join(root, 'var/run'), { recursive: true, force: true });
  await symlink('/run', join(root, 'var/run'));
  await rm(join(root, 'usr/bin/sh'), { force: true });
  await symlink('dash', join(root, 'usr/bin/sh'));
  const masters = join(root, 'usr/share/base-passwd');
  await copyFile(join(masters, 'passwd.master'), join(root, 'etc/passwd'));
  await copyFile(join(masters, 'group.master'), join(root, 'etc/group'));
  await addUser(root, root, 'node', 1000, 1000, '/app');
  await writeFile(join(root, 'etc/nsswitch.conf'), 'passwd: files\ngroup: files\nhosts: files dns\n');
}

/** Writes the base's users and one more into a layer. */
async function addUser(
  root: string,
  base: string,
  name: string,
  uid: number,
  gid: number,
  home: string,
): Promise<void> {
  await mkdir(join(root, 'etc'), { recursive: true });
  const [users, groups] = await Promise.all(
    ['passwd', 'group'].map((file) => readFile(join(base, 'etc', file), 'utf8')),
  );
  await writeFile(join(root, 'etc/passwd'), `${users}${name}:x:${uid}:${gid}::${home}:/bin/sh\n`);
  await writeFile(join(root, 'etc/group'), `${groups}${name}:x:${gid}:\n`);
}

/** Copies this process's node, and the libraries that the base does not have. */
async function copyNode(root: string, base: string): Promise<void> {
  await copyFile(process.execPath, join(root, 'usr/bin/node'));
  const libraries = [...(await run(['ldd', process.execPath])).matchAll(/(\/\S+) \(0x/g)].map(
    (match) => match[1] ?? '',
  );
  for (const library of libraries) {
    const path = (await run(['readlink', '-f', library])).trim();
    const inside = path.startsWith('/usr/') ? path : join('/usr', path);
    if (existsSync(join(base, inside))) continue;
    await mkdir(dirname(join(root, inside)), { recursive: true });
    await copyFile(path, join(root, inside));
  }
}

async function install(file: string, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await run(['install', '-m', '755', join(sources, 'image', file), to]);
}

/** Users, paths and defaults of the official PostgreSQL image. */
async function finishPostgres(root: string, base: string): Promise<void> {
  await addUser(root, base, 'postgres', 999, 999, '/var/lib/postgresql');
  await install('postgres-entrypoint.sh', join(root, 'usr/local/bin/docker-entrypoint.sh'));
  for (const folder of ['docker-entrypoint-initdb.d', 'var/lib/postgresql/data', 'run/postgresql']) {
    await mkdir(join(root, folder), { recursive: true });
    await run(['chmod', '1777', join(root, folder)]);
  }
  const sample = join(root, 'usr/share/postgresql/15/postgresql.conf.sample');
  // The compiler for queries was left out with LLVM.
  const defaults = "listen_addresses = '*'\njit = off\n";
  await writeFile(sample, `${await readFile(sample, 'utf8')}\n${defaults}`);
}

/** Users, paths and defaults of the official Redis image. */
async function finishRedis(root: string, base: string): Promise<void> {
  await addUser(root, base, 'redis', 999, 1000, '/data');
  await install('redis-entrypoint.sh', join(root, 'usr/local/bin/docker-entrypoint.sh'));
  await install('redis-server.sh', join(root, 'usr/local/bin/redis-server'));
  await mkdir(join(root, 'data'), { recursive: true });
  await run(['chmod', '777', join(root, 'data')]);
}

/**
 * Makes a layer fit to lie over the base: the loader's cache of both, the links that `ldconfig` makes, and no second
 * set of the merged folders' links. Then runs a command in both to see that nothing is missing.
 */
async function seal(base: string, layer: string, check: string[], say: Say): Promise<void> {
  const both = `${layer}-over-base`;
  await run(['cp', '-a', base, both]);
  await run(['cp', '-a', '--remove-destination', `${layer}/.`, both]);
  await run(['ldconfig', '-r', both]);
  await mkdir(join(layer, 'etc'), { recursive: true });
  await copyFile(join(both, 'etc/ld.so.cache'), join(layer, 'etc/ld.so.cache'));
  const links = (await run(['find', 'usr/lib', '-type', 'l', '-name', '*.so.*'], { cwd: both }))
    .split('\n')
    .filter(Boolean);
  for (const link of links) {
    await mkdir(dirname(join(layer, link)), { recursive: true });
    await run(['cp', '-a', '--remove-destination', join(both, link), join(layer, link)]);
  }
  for (const name of merged) await rm(join(layer, name));
  // Git does nothing without it.
  await run(['mknod', '-m', '666', join(both, 'dev/null'), 'c', '1', '3']);
  say((await run(['chroot', both, ...check])).trim());
  await rm(both, { recursive: true });
}
