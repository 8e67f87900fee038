import type { Monitoring } from '../overlays/overlay.ts';

/** Where Alertmanager finds what its receivers need; mounted by the platform, and in no manifest. */
const secrets = '/etc/alertmanager/secrets/moneywise';

/** The configuration of an Alertmanager that tells of the stages of alerts; it carries no credentials. */
export function alertmanagerConfig({ escalation }: Monitoring): object {
  const text = '{{ range .Alerts }}{{ .Annotations.summary }}\n{{ end }}';
  const whatToDo = '{{ .CommonAnnotations.runbook_url }}';
  return {
    route: {
      // One message a fault and environment, however many pods are affected.
      group_by: ['alertname', 'environment', 'stage'],
      group_wait: '30s',
      group_interval: '5m',
      repeat_interval: '4h',
      receiver: 'team',
      routes: [
        { matchers: ['stage="on-call"'], receiver: 'on-call', group_wait: '0s', repeat_interval: '30m' },
        { matchers: ['stage="manager"'], receiver: 'manager', group_wait: '0s', repeat_interval: '1h' },
      ],
    },
    inhibit_rules: [
      // Errors explain that requests are slow and that the budget burns, of the same environment and stage.
      ...['Backend', 'Web'].map((service) => ({
        source_matchers: [`alertname="${service}Errors"`],
        target_matchers: [`alertname=~"${service}(Slow|BudgetBurns|BudgetBurnsFast)"`],
        equal: ['environment', 'stage'],
      })),
      // Without the database every request of the backend fails.
      {
        source_matchers: ['alertname="DatabaseDown"'],
        target_matchers: ['alertname=~"Backend.*|DatabaseConnections"'],
        equal: ['environment', 'stage'],
      },
    ],
    receivers: [
      {
        name: 'team',
        slack_configs: [
          {
            api_url_file: `${secrets}/slack-url`,
            channel: escalation.channel,
            send_resolved: true,
            title: '[{{ .Status }}] {{ .GroupLabels.alertname }} in {{ .GroupLabels.environment }}',
            title_link: whatToDo,
            text,
          },
        ],
      },
      ...['on-call', 'manager'].map((name) => ({
        name,
        pagerduty_configs: [
          {
            routing_key_file: `${secrets}/pagerduty-${name}`,
            severity: 'critical',
            description: text,
            links: [{ href: whatToDo, text: 'What to do' }],
          },
        ],
      })),
    ],
  };
}
