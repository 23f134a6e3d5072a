// A made-up alert in the form of each alerting system, to try a hook out with.

type Sample = { readonly source: string; readonly featureLabel: string };

/** `featureId` empty: the alert names none, for a hook that closes what it names itself. */
export const samplePayload = ({ source, featureLabel }: Sample, featureId: string, now: Date): object => {
  const time = now.toISOString();
  const title = "Tried out with sluice hooks test";
  switch (source) {
    case "pagerduty":
      return {
        event: {
          event_type: "incident.triggered",
          occurred_at: time,
          data: { id: `TRIED-${now.getTime()}`, title, created_at: time },
        },
      };
    case "datadog":
      return {
        alert_cycle_key: `tried ${now.getTime()}`,
        alert_transition: "Triggered",
        date: now.getTime(),
        event_title: title,
        tags: featureId === "" ? "" : `${featureLabel}:${featureId}`,
      };
    default:
      return {
        alerts: [
          {
            status: "firing",
            labels: { alertname: title, ...(featureId === "" ? {} : { [featureLabel]: featureId }) },
            startsAt: time,
            fingerprint: `tried ${now.getTime()}`,
          },
        ],
      };
  }
};
