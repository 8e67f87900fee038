import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newFolder } from './folder.ts';
import { kubectl } from './kubectl.ts';

/** The kubeconfig in use, with another user or other facts of the cluster, as a file of its own. */
export async function kubeconfigWith({ user, cluster }: { user?: object; cluster?: object }): Promise<string> {
  const config = JSON.parse(await kubectl(['config', 'view', '--raw', '--minify', '-o', 'json']));
  if (user) config.users[0].user = user;
  Object.assign(config.clusters[0].cluster, cluster);
  const file = join(await newFolder('kubeconfig'), 'config');
  await writeFile(file, JSON.stringify(config));
  return file;
}
