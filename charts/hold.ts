import type { Construct } from 'constructs';
import { AnalysisTemplate } from '../imports/argoproj.io.ts';
import type { Overlay } from '../overlays/overlay.ts';
import { holdMetric } from './constructs/hold.ts';
import { labelsOf } from './labels.ts';
import { backendName, backendPort, holdName, serviceUrl } from './names.ts';
import { OverlayChart } from './overlay-chart.ts';

/** The hold that the Rollouts of a release share; without objects where the overlay has none. */
export class HoldChart extends OverlayChart {
  constructor(scope: Construct, file: string, overlay: Overlay) {
    super(scope, file, overlay, labelsOf(overlay, holdName, 'promotion'));
    const { strategy } = overlay;
    if (strategy.kind !== 'blue-green') return;
    const metric = holdMetric(strategy.hold, serviceUrl(overlay, backendName, backendPort, '/api/health/live'));
    if (metric) new AnalysisTemplate(this, 'template', { metadata: { name: holdName }, spec: { metrics: [metric] } });
  }
}
