import { createHash } from 'node:crypto';
import { loadAll } from 'js-yaml';
import { render } from '../charts/render.ts';
import { loadOverlay, overlayNames, parseOverlay } from '../overlays/load.ts';
import { production } from '../overlays/production.ts';
import { type KubeObject, POD_HASH, type ReplicaSet, type Service } from '../promotion/cluster/objects.ts';
import { containersOf, planOf } from '../promotion/plan/plan.ts';
import { madeByPeople } from '../promotion/rehearsal/play.ts';
import { plainReport } from '../promotion/report/plain.ts';
import { carryOut } from '../promotion/run/run.ts';
import { newWorld, type VersionBehaviour, type World } from '../promotion/simulation/world.ts';

// Two releases of production against the simulated cluster: one good, one whose backend fails its public health check
// after the switch. Needs nothing but Node. Exits 0 only if the cluster ends all new after the first, all old after the
// second, read from the cluster and not from what the promoter says.

const LIVE = 'v1.0.0';
const GOOD = 'v1.1.0';
const BAD = 'v1.2.0';

const say = (line = '') => process.stdout.write(`${line}\n`);

/** Stands for what a registry would answer: every version has a digest of its own. */
const digestOf = (image: string, version: string) =>
  `sha256:${createHash('sha256').update(`${image} ${version}`).digest('hex')}`;

function release(version: string): KubeObject[] {
  const pin = (image: string) => ({ version, digest: digestOf(image, version) });
  const overlay = parseOverlay(production, { backend: pin('backend'), web: pin('web') });
  return Object.values(render(overlay)).flatMap((text) => loadAll(text) as KubeObject[]);
}

/** The version that each member's active Service really selects. */
function liveVersions(world: World, members: readonly { name: string; activeService: string }[]): string[] {
  return members.map(({ name, activeService }) => {
    const hash = world.api.get<Service>('services', activeService)?.spec.selector?.[POD_HASH];
    const set = world.api.get<ReplicaSet>('replicasets', `${name}-${hash}`);
    return set?.spec.template?.metadata?.labels?.['app.kubernetes.io/version'] ?? 'nothing';
  });
}

async function play(world: World, version: string): Promise<string[]> {
  const objects = release(version);
  const plan = planOf(objects);
  world.apply(madeByPeople(objects, production.namespace));
  world.apply(objects);
  await world.play(
    carryOut({ plan, cluster: world.cluster, holder: 'demo', emit: plainReport((line) => say(`  ${line}`)) }),
  );
  return liveVersions(world, plan.members);
}

say('Rendering every overlay');
for (const name of overlayNames) {
  const objects = Object.values(render(loadOverlay(name))).flatMap((text) => loadAll(text));
  say(`  ${name}: ${objects.length} objects`);
}

const badImage = `${production.images.backend}@${digestOf('backend', BAD)}`;
const bad: VersionBehaviour = { health: { active: false } };
const world = newWorld({
  seed: 1,
  namespace: production.namespace,
  behaviourOf: (set) => (containersOf(set.spec.template ?? {}).some((c) => c.image === badImage) ? bad : {}),
});

say(`\nA first deployment of ${LIVE} into an empty, simulated cluster (times are virtual)`);
await play(world, LIVE);
say(`\nA good release: ${GOOD}`);
const afterGood = await play(world, GOOD);
say(`\nA bad release: the backend of ${BAD} fails its health check once it is live`);
const afterBad = await play(world, BAD);

const holds = [...afterGood, ...afterBad].every((version) => version === GOOD);
say(
  `\nAfter the good release the live versions are ${afterGood.join(' and ')}; after the bad one ${afterBad.join(' and ')}.`,
);
say(holds ? 'All new, then all old: as promised.' : 'NOT as promised: this is a bug.');
process.exitCode = holds ? 0 : 1;
