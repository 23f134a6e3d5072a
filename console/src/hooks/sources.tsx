// Alerting systems: what each needs to call a hook, as it is pasted there (docs/alarms-in.md).
import type { Hook } from "../client.gen.ts";

type Source = Hook["source"];

export const SOURCES: readonly (readonly [Source, string])[] = [
  ["alertmanager", "Alertmanager"],
  ["grafana", "Grafana"],
  ["datadog", "Datadog"],
  ["pagerduty", "PagerDuty"],
  ["generic", "Anything else (Standard Webhooks)"],
];

type Setup = { readonly where: string; readonly text: (url: string, secret: string) => string };

export const SETUPS: Readonly<Record<Source, Setup>> = {
  alertmanager: {
    where: "A receiver in alertmanager.yml. Keep the secret in a file that Alertmanager alone can read.",
    text: (url) => `receivers:
  - name: sluice
    webhook_configs:
      - url: ${url}
        send_resolved: false
        http_config:
          authorization:
            credentials_file: /etc/alertmanager/sluice-secret`,
  },
  grafana: {
    where: "A webhook contact point (Grafana 12 and later), under HMAC signature.",
    text: (url, secret) => `URL:              ${url}
Secret:           ${secret}
Header:           X-Grafana-Alerting-Signature
Timestamp header: X-Grafana-Alerting-Timestamp`,
  },
  datadog: {
    where: "The Webhooks integration. Keep the header in a hidden custom variable.",
    text: (url, secret) => `URL: ${url}
Custom headers: {"Authorization": "Bearer ${secret}"}
Payload:
{
  "alert_cycle_key": "$ALERT_CYCLE_KEY",
  "alert_transition": "$ALERT_TRANSITION",
  "date": "$DATE",
  "event_title": "$EVENT_TITLE",
  "event_msg": "$TEXT_ONLY_MSG",
  "tags": "$TAGS",
  "link": "$LINK"
}`,
  },
  pagerduty: {
    where: "A Generic Webhook (v3) of the service. PagerDuty makes the secret: give it to this hook.",
    text: (url) => `URL:    ${url}
Events: incident.triggered, incident.reopened, incident.resolved`,
  },
  generic: {
    where: "A request that is signed as Standard Webhooks says, at most five minutes old.",
    text: (url) => `POST ${url}
{
  "alerts": [
    {
      "status": "firing",
      "fingerprint": "orders-failing",
      "startsAt": "2026-11-26T10:00:00Z",
      "labels": { "sluice_feature": "feat_new_checkout" }
    }
  ]
}`,
  },
};

export const hookUrl = (name: string): string =>
  `${location.origin}/admin/v1/hooks/${encodeURIComponent(name)}`;

/** A made-up alert in the form of each system. `featureId` empty: it names none. */
export const samplePayload = (
  { source, featureLabel }: Pick<Hook, "source" | "featureLabel">,
  featureId: string,
  now: Date,
): Record<string, unknown> => {
  const at = now.toISOString();
  const key = `tried ${now.getTime()}`;
  const title = "Tried in the console";
  switch (source) {
    case "pagerduty":
      return {
        event: {
          event_type: "incident.triggered",
          occurred_at: at,
          data: { id: key, title, created_at: at },
        },
      };
    case "datadog":
      return {
        alert_cycle_key: key,
        alert_transition: "Triggered",
        date: now.getTime(),
        event_title: title,
        tags: featureId === "" ? "" : `${featureLabel}:${featureId}`,
      };
    case "alertmanager":
    case "grafana":
    case "generic": {
      const labels = { alertname: title, ...(featureId === "" ? {} : { [featureLabel]: featureId }) };
      return { alerts: [{ status: "firing", labels, startsAt: at, fingerprint: key }] };
    }
  }
};
