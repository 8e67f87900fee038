import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { run, type Say } from './run.ts';

// No script of a package is run, so what only such scripts need can be left out; so can what databases do without.
const droppable = new RegExp(
  `^(${[
    'libllvm|libz3|perl|libperl|usrmerge|lsb-|libfile-find|libnumber|libsemanage|libsepol|init-system|libc-l10n',
    'postgresql-common|postgresql-client-common|debconf|ucf|ssl-cert|openssl|adduser|passwd|login|libgdbm|netbase',
    'sysvinit|libpam|sensible|readline-common|locales|logrotate|cron|cdebconf|libdebian|libtext|libnewt|libslang|libjson',
  ].join('|')})`,
);

/** Whether a database runs without this package. */
export const isDroppable = (file: string): boolean => droppable.test(file);

/** Files of packages that no image needs. */
const unused = [
  'usr/share/doc*',
  'usr/share/man*',
  'usr/share/locale*',
  'usr/share/info*',
  'usr/lib/postgresql/*/lib/bitcode*',
];

/** Packages as apt resolves them from nothing, whatever this host has installed. */
export interface Archive {
  /** The files of the packages named and of all that they depend on. */
  closure(packages: readonly string[]): Promise<string[]>;
  /** Unpacks package files over a folder. */
  unpack(files: readonly string[], into: string): Promise<void>;
}

/** Downloads packages and all that they depend on into a scratch folder. */
export async function download(packages: readonly string[], scratch: string, say: Say): Promise<Archive> {
  const archives = join(scratch, 'archives');
  const status = join(scratch, 'status');
  await mkdir(join(archives, 'partial'), { recursive: true });
  await mkdir(join(scratch, 'empty', 'partial'), { recursive: true });
  await writeFile(status, ''); // no package is installed, says this file
  const apt = (folder: string, ...args: string[]) => {
    const options = [`Dir::State::status=${status}`, 'Debug::NoLocking=1', `Dir::Cache::archives=${folder}`];
    return run([
      'apt-get',
      '-q',
      '-y',
      '--no-install-recommends',
      ...options.flatMap((option) => ['-o', option]),
      ...args,
    ]);
  };
  await apt(archives, '--download-only', 'install', ...packages).catch(async () => {
    // The usual reason is that this host's lists are older than the mirror.
    await run(['apt-get', 'update', '-qq']);
    await apt(archives, '--download-only', 'install', ...packages);
  });
  say(`${(await readdir(archives)).length - 1} packages downloaded`);
  return {
    closure: async (packages) => {
      // Asked with an empty folder, because apt does not list what is already downloaded.
      const listed = await apt(join(scratch, 'empty'), '--print-uris', 'install', ...packages);
      const files = [...listed.matchAll(/^'\S+' (\S+\.deb) /gm)].map((match) => match[1] ?? '');
      return files.sort();
    },
    unpack: async (files, into) => {
      const tar = ['tar', '-x', '--keep-directory-symlink', '-C', into, ...unused.map((path) => `--exclude=./${path}`)];
      const pipe = 'dpkg-deb --fsys-tarfile "$0" | "$@"';
      for (const file of files) await run(['bash', '-o', 'pipefail', '-c', pipe, join(archives, file), ...tar]);
    },
  };
}
