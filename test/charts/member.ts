import { Duration } from 'cdk8s';
import { container } from '../../charts/constructs/container.ts';
import { labelsOf } from '../../charts/labels.ts';
import { sample } from '../overlays/samples.ts';

/** What tests of a Rollout construct give it when they do not say otherwise: the member `api`, of one container. */
export const memberProps = (image = 'api:1') => ({
  labels: labelsOf(sample(), 'api', 'api'),
  drain: Duration.seconds(5),
  prePromotion: { templates: ['before'] },
  postPromotion: { templates: ['after'] },
  progressDeadline: Duration.seconds(600),
  containers: [
    container({
      name: 'api',
      image,
      ports: [{ name: 'http', number: 80 }],
      resources: { cpuMillis: 1, memoryMebibytes: 32, scratchGibibytes: 1 },
    }),
  ],
});
