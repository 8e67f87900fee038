import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadAll } from 'js-yaml';
import { render } from '../charts/render.ts';
import { loadOverlay } from '../overlays/load.ts';

// `npm run benchmark`: how rendering grows with the number of services, beside `kubectl kustomize` over the same objects.
// Each environment has two services, its policy is enforced, and it is rendered as an App of its own.

const services = [10, 50, 100, 500, 1000];
const base = loadOverlay('production');
const folder = mkdtempSync(join(tmpdir(), 'benchmark-'));

function seconds(work: () => void): number {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}

try {
  render(base); // so that loading and compiling is in no row
  console.log('| services | objects | render | a service | kubectl kustomize |\n| ---: | ---: | ---: | ---: | ---: |');
  for (const count of services) {
    const manifests: string[] = [];
    const rendered = seconds(() => {
      for (let at = 0; at < count / 2; at += 1) {
        const name = `environment-${at}`;
        manifests.push(...Object.values(render({ ...base, name, namespace: name })));
      }
    });
    const target = join(folder, String(count));
    mkdirSync(target);
    manifests.forEach((text, at) => {
      writeFileSync(join(target, `${at}.yaml`), text);
    });
    writeFileSync(
      join(target, 'kustomization.yaml'),
      `resources:\n${manifests.map((_, at) => `- ${at}.yaml\n`).join('')}`,
    );
    const objects = manifests.reduce((sum, text) => sum + loadAll(text).length, 0);
    const row = [count, objects, `${rendered.toFixed(2)} s`, `${((1000 * rendered) / count).toFixed(1)} ms`];
    console.log(`| ${[...row, kustomize(target)].join(' | ')} |`);
  }
} finally {
  rmSync(folder, { recursive: true });
}

/** Kustomize is given a minute: it takes more than linear time. */
function kustomize(target: string): string {
  try {
    const options = { timeout: 60_000, maxBuffer: 1 << 30, stdio: ['ignore', 'pipe', 'ignore'] as const };
    return `${seconds(() => execFileSync('kubectl', ['kustomize', target], { ...options, stdio: [...options.stdio] })).toFixed(2)} s`;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? 'no kubectl' : '> 60 s';
  }
}
