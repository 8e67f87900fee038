import { readdirSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { loadOverlay, overlayNames } from '../../overlays/load.ts';

const renovate = JSON.parse(readFileSync('renovate.json', 'utf8'));
const [manager] = renovate.customManagers;

/** The first `/…/` of a list, as a regular expression. */
const pattern = ([text = '']: string[]) => new RegExp(text.replace(/^\/|\/$/g, ''));

it('Renovate finds every image of a data store in the overlays, and nothing else there', () => {
  const files = readdirSync('overlays').map((name) => `overlays/${name}`);
  const found = files
    .filter((file) => pattern(manager.managerFilePatterns).test(file))
    .flatMap((file) => [...readFileSync(file, 'utf8').matchAll(new RegExp(manager.matchStrings[0], 'g'))])
    .map(({ groups }) => `${groups?.depName}:${groups?.currentValue}`);
  const stores = overlayNames
    .map(loadOverlay)
    .flatMap(({ cache, database }) => [cache, database])
    .flatMap((store) =>
      store.kind === 'in-cluster' ? [store.image, ...(store.exporter ? [store.exporter.image] : [])] : [],
    )
    .map(({ repository, version }) => `${repository}:${version}`);
  expect(found.sort()).toEqual(stores.sort());
});

it('Renovate finds a digest behind the version, too', () => {
  const digest = `sha256:${'0'.repeat(64)}`;
  const text = `image: { repository: 'postgres', version: '15.13', digest: '${digest}' }`;
  expect(new RegExp(manager.matchStrings[0]).exec(text)?.groups).toMatchObject({ currentDigest: digest });
});

it.each(['backend', 'web'])('Renovate is told of every version in the Dockerfile of the %s', (name) => {
  const lines = readFileSync(`images/${name}/Dockerfile`, 'utf8').split('\n');
  const versions = lines.flatMap((line, index) => (/^ARG \w+_VERSION=/.test(line) ? [lines[index - 1]] : []));
  expect(versions).toEqual(['# renovate: datasource=npm depName=pnpm', '# renovate: datasource=npm depName=turbo']);
});
