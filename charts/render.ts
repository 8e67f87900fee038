import { ApiObject, App, type Chart, Yaml } from 'cdk8s';
import type { Overlay } from '../overlays/overlay.ts';
import { BackendChart } from './backend.ts';
import { ConfigChart } from './config.ts';
import { BackupChart, CacheChart, DatabaseChart } from './data.ts';
import { HoldChart } from './hold.ts';
import { IngressChart } from './ingress.ts';
import { MigrationChart } from './migration.ts';
import { MonitoringChart } from './monitoring.ts';
import { NamespaceChart } from './namespace.ts';
import { NetworkChart } from './network.ts';
import { contextOf, enforcePolicy } from './policy/policy.ts';
import type { RenderedObject } from './policy/rendered.ts';
import { PromoterChart } from './promoter.ts';
import { PromoterJobChart } from './promoter-job.ts';
import { ReleasePolicyChart } from './release-policy.ts';
import { SecretsChart } from './secrets.ts';
import { WebChart } from './web.ts';

/** File name → YAML. */
export type Manifests = Readonly<Record<string, string>>;

/** What charts make, before it is judged and written. */
export interface Rendering {
  /** File name without its end → its objects. */
  readonly files: ReadonlyMap<string, readonly RenderedObject[]>;
  /** What those objects make in the cluster: in no file, and held to the same rules. */
  readonly started: readonly RenderedObject[];
}

/**
 * All manifests of an overlay.
 * @throws PolicyError where they break a rule
 */
export function render(overlay: Overlay): Manifests {
  const { files, started } = renderObjects(overlay);
  enforcePolicy([...[...files.values()].flat(), ...started], contextOf(overlay));
  return manifestsOf(files);
}

/**
 * The objects of an overlay. The numbers make the order of file names, in which kubectl applies a folder, the order in
 * which objects need each other: first the Namespace, then what pods refer to, then the pods.
 */
export function renderObjects(overlay: Overlay): Rendering {
  const app = new App();
  new NamespaceChart(app, '00-namespace', overlay);
  new SecretsChart(app, '02-secrets', overlay);
  new NetworkChart(app, '03-network', overlay);
  new PromoterChart(app, '04-promoter', overlay);
  const config = new ConfigChart(app, '10-config', overlay);
  new DatabaseChart(app, '20-database', overlay);
  new CacheChart(app, '21-cache', overlay);
  new BackupChart(app, '22-backup', overlay);
  new MigrationChart(app, '30-migration', overlay, config.environment);
  new HoldChart(app, '40-hold', overlay);
  const backend = new BackendChart(app, '50-backend', overlay, config.environment);
  const web = new WebChart(app, '51-web', overlay);
  new IngressChart(app, '60-ingress', overlay, backend.served, web.served);
  new ReleasePolicyChart(app, '70-release-policy', overlay);
  new MonitoringChart(app, '80-monitoring', overlay);

  const rendered = app.charts.map(renderedOnce);
  // It takes the others' objects along: the promoter's plan.
  const job = new PromoterJobChart(app, '90-promoter-job', overlay, objectsOf(rendered));
  rendered.push(renderedOnce(job));
  return {
    files: filesOf(rendered),
    started: job.started.map((manifest) => ({ path: `${job.node.path}/started`, manifest })),
  };
}

/** What is written: the files that have an object. */
export function manifestsOf(files: Rendering['files']): Manifests {
  return Object.fromEntries(
    [...files]
      .filter(([, objects]) => objects.length > 0)
      .map(([file, objects]) => [`${file}.yaml`, Yaml.stringify(...objects.map(({ manifest }) => manifest))]),
  );
}

/** A chart with its objects. Constructs are not rendered a second time: not all render the same twice. */
export interface RenderedChart {
  readonly chart: Chart;
  readonly objects: ReturnType<Chart['toJson']>;
}

function renderedOnce(chart: Chart): RenderedChart {
  orderSync(chart);
  return { chart, objects: chart.toJson() };
}

/** By charts, each object with the construct it comes from. */
export function filesOf(rendered: readonly RenderedChart[]): Rendering['files'] {
  return new Map(rendered.map(({ chart, objects }) => [chart.node.id, withPaths(chart, objects)]));
}

const objectsOf = (rendered: readonly RenderedChart[]) => rendered.flatMap(({ objects }) => objects);

/**
 * Lets Argo CD apply in the order of the files up to the migration, each file when the one before is healthy: a new
 * revision never starts on a schema that it does not know. The rest, which comes after it, needs no order.
 */
function orderSync(chart: Chart): void {
  const wave = Math.min(0, Number.parseInt(chart.node.id, 10) - 40);
  if (wave === 0) return;
  for (const object of chart.node.findAll().filter((construct) => ApiObject.isApiObject(construct))) {
    object.metadata.addAnnotation('argocd.argoproj.io/sync-wave', String(wave));
  }
}

/** Each object with the construct it comes from. */
function withPaths(chart: Chart, manifests: ReturnType<Chart['toJson']>): RenderedObject[] {
  const constructs = chart.node.findAll().filter((construct) => ApiObject.isApiObject(construct));
  return manifests.map((manifest) => {
    const at = constructs.findIndex(({ kind, name }) => kind === manifest.kind && name === manifest.metadata.name);
    // Taken out, so that the second of two objects with one name has the second path.
    const [construct] = constructs.splice(at, 1);
    return { path: construct?.node.path ?? chart.node.path, manifest };
  });
}
