import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { render } from '../../charts/render.ts';
import { loadOverlay } from '../../overlays/load.ts';

// A program that renders many environments of two services each, as `npm run synth` renders one: each an App of its own, with the
// policy enforced. One App for all of them would not be linear: cdk8s looks through the whole App again for each chart.

/** Writes the manifests of so many services into one folder. */
export function writeEnvironments(services: number, folder: string): void {
  mkdirSync(folder, { recursive: true });
  const base = loadOverlay('production');
  for (let at = 0; at < services / 2; at += 1) {
    const name = `environment-${at}`;
    for (const [file, text] of Object.entries(render({ ...base, name, namespace: name })))
      writeFileSync(join(folder, `${name}-${file}`), text);
  }
}

const [, , services, folder = process.env.CDK8S_OUTDIR] = process.argv;
if (services !== undefined && folder !== undefined) writeEnvironments(Number(services), folder);
