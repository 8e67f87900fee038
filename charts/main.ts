import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadOverlay, OverlayError, overlayNames } from '../overlays/load.ts';
import { gitopsFolder, renderGitops } from './gitops.ts';
import { PolicyError } from './policy/policy.ts';
import { type Manifests, render } from './render.ts';

// The cdk8s app: `cdk8s synth` runs it with CDK8S_OUTDIR, `npm run synth` without. Overlays given by name are written
// alone. `--check` writes nothing, and fails with 1 when a file is not what it should be.

/** A file that is not what it should be; without content it should not be there at all. */
interface Difference {
  readonly path: string;
  readonly content?: string;
}

function differences(folder: string, manifests: Manifests): Difference[] {
  const present = existsSync(folder) ? readdirSync(folder) : [];
  const stale = present.filter((file) => !(file in manifests)).map((file) => ({ path: join(folder, file) }));
  const changed = Object.entries(manifests)
    .map(([file, content]) => ({ path: join(folder, file), content }))
    .filter(({ path, content }) => !existsSync(path) || readFileSync(path, 'utf8') !== content);
  return [...stale, ...changed];
}

function write(folder: string, found: readonly Difference[]): void {
  mkdirSync(folder, { recursive: true });
  for (const { path, content } of found) {
    if (content === undefined) rmSync(path, { recursive: true });
    else writeFileSync(path, content);
  }
}

function main(outdir: string, names: readonly string[], check: boolean): void {
  // All of them are rendered before the first file is touched: an overlay that is wrong changes nothing.
  const rendered = (names.length > 0 ? names : overlayNames).map((name) => {
    return { folder: join(outdir, name), manifests: render(loadOverlay(name)) };
  });
  if (names.length === 0) {
    rendered.push({ folder: join(outdir, gitopsFolder), manifests: renderGitops(overlayNames.map(loadOverlay)) });
  }
  for (const { folder, manifests } of rendered) {
    const found = differences(folder, manifests);
    if (!check) write(folder, found);
    else for (const { path } of found) complain(1, `${path} is not what is rendered; run npm run synth`);
  }
  if (!check || names.length > 0 || !existsSync(outdir)) return;
  for (const name of readdirSync(outdir).filter((name) => ![...overlayNames, gitopsFolder].includes(name))) {
    complain(1, `${join(outdir, name)} belongs to no overlay; remove it`);
  }
}

function complain(exitCode: number, message: string): void {
  console.error(message);
  process.exitCode = exitCode;
}

const args = process.argv.slice(2);
const names = args.filter((arg) => arg !== '--check');
try {
  main(process.env.CDK8S_OUTDIR ?? 'dist', names, args.includes('--check'));
} catch (error) {
  if (!(error instanceof OverlayError || error instanceof PolicyError)) throw error;
  complain(2, error.message);
}
