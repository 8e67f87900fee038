import { Construct } from 'constructs';
import { PrometheusRuleSpecGroupsRulesExpr as Expr, PrometheusRule } from '../../imports/monitoring.coreos.com.ts';
import type { Monitoring } from '../../overlays/overlay.ts';
import type { Alert } from '../alerts.ts';

export interface AlertRulesProps {
  readonly name: string;
  readonly alerts: readonly Alert[];
  readonly escalation: Monitoring['escalation'];
  /** The page that has a section for each alert. */
  readonly runbookUrl: string;
  /** Labels by which a Prometheus finds the rules. */
  readonly labels: Readonly<Record<string, string>>;
  /** On every alert, so that one Alertmanager can tell environments apart. */
  readonly environment: string;
}

/**
 * Alerts in stages. Alertmanager knows no acknowledgement, so what is not dealt with comes up again as an alert of the
 * next stage, and who has taken it on silences the stages that are still to come.
 */
export class AlertRules extends Construct {
  constructor(scope: Construct, id: string, props: AlertRulesProps) {
    super(scope, id);
    const { alerts, environment, escalation, labels, name, runbookUrl } = props;
    const twice = alerts.find((alert, at) => alerts.findIndex((other) => other.name === alert.name) !== at);
    if (twice) throw new Error(`${this.node.path}: two alerts are called ${twice.name}; rename one`);
    new PrometheusRule(this, 'Resource', {
      metadata: { name, labels: { ...labels } },
      spec: {
        groups: stages(escalation).map(({ stage, after, severities }) => ({
          name: `${name}-${stage}`,
          rules: alerts
            .filter(({ severity }) => severities.includes(severity))
            .map(({ expr, minutes, name: alert, section = alert, severity, summary }) => ({
              alert,
              expr: Expr.fromString(expr),
              for: `${minutes + after}m`,
              labels: { severity, stage, environment },
              // Prometheus, Alertmanager and Grafana all look for this name.
              annotations: { summary, runbook_url: `${runbookUrl}#${section.toLowerCase()}` },
            })),
        })),
      },
    });
  }
}

/** Who is told when, in minutes after an alert began. */
export function stages({ managerAfterMinutes, pageAfterMinutes }: Monitoring['escalation']) {
  return [
    { stage: 'team', after: 0, severities: ['critical', 'warning'] },
    { stage: 'on-call', after: pageAfterMinutes, severities: ['critical'] },
    { stage: 'manager', after: managerAfterMinutes, severities: ['critical'] },
  ];
}
