import type { AnalysisRun, Metric, ReplicaSet } from '../../promotion/cluster/objects.ts';
import type { Measurement } from '../../promotion/simulation/analysis-controller.ts';
import { newWorld } from '../../promotion/simulation/world.ts';
import { play, type TraceStep } from './play.ts';
import type { Scenario, Verdict } from './scenario.ts';

const MEASURED: Readonly<Record<Verdict, Measurement>> = {
  pass: 'Successful',
  fail: 'Failed',
  inconclusive: 'Inconclusive',
  error: 'Error',
  hold: 'Failed',
  'short-hold': 'Failed',
  late: 'Failed',
  argued: 'Successful',
  secret: 'Successful',
};

/** Plays a scenario in the simulation. */
export async function playSimulated(scenario: Scenario, seed: number): Promise<TraceStep[]> {
  const world = newWorld({
    seed,
    namespace: 'shop',
    behaviourOf: (set) => (set.spec.template?.spec?.schedulingGates ? { readyAfter: undefined } : { readyAfter: 300 }),
    measure: (_: AnalysisRun, metric: Metric) => MEASURED[metric.name as Verdict],
  });
  const setAvailable = async (name: string, count: number) => {
    world.api.update<ReplicaSet>('replicasets', name, (set) => ({
      ...set,
      status: { ...set.status, readyReplicas: count, availableReplicas: count },
    }));
  };
  return world.play(play(scenario, { cluster: world.cluster, url: 'https://api/version', setAvailable }));
}
