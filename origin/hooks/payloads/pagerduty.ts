// PagerDuty's webhooks, version 3: one event of one incident in each. They have no labels of ours, so the hook names what is closed.
// https://developer.pagerduty.com/docs/webhooks/v3-overview/
import { z } from "zod";
import { err, ok, type Result } from "../../../shared/result.ts";
import { alertOf, firstText, issuesOf, labelsOf, type Alert, type ReadAlert } from "../alert.ts";

const Event = z.looseObject({ event_type: z.string(), occurred_at: z.iso.datetime({ offset: true }) });
const Payload = z.looseObject({ event: Event.extend({ data: z.unknown().optional() }) });
const Incident = z.looseObject({
  id: z.string().min(1),
  title: z.unknown().optional(),
  html_url: z.unknown().optional(),
  urgency: z.unknown().optional(),
  created_at: z.iso.datetime({ offset: true }).optional(),
  service: z.looseObject({ id: z.unknown().optional(), summary: z.unknown().optional() }).nullish(),
});

/** An incident that is opened again fires anew. All else that happens to one begins nothing. */
const statusOf = (eventType: string): Alert["status"] => {
  if (eventType === "incident.triggered" || eventType === "incident.reopened") return "firing";
  return eventType === "incident.resolved" ? "resolved" : "other";
};

export const readPagerDuty = (json: unknown): Result<readonly ReadAlert[], string> => {
  const payload = Payload.safeParse(json);
  if (!payload.success) return err(issuesOf(payload.error));
  const { event_type: type, occurred_at: occurredAt, data } = payload.data.event;
  const status = statusOf(type);
  if (status === "other")
    return ok([
      alertOf({
        key: `${type} ${occurredAt}`,
        status,
        beganAt: new Date(occurredAt),
        labels: new Map(),
        title: type,
        text: "",
        link: "",
      }),
    ]);
  const incident = Incident.safeParse(data);
  if (!incident.success) return ok([err(issuesOf(incident.error))]);
  const { id, title, html_url: link, urgency, created_at: createdAt, service } = incident.data;
  const began = type === "incident.reopened" ? occurredAt : (createdAt ?? occurredAt);
  return ok([
    alertOf({
      key: `${id} ${began}`,
      status,
      beganAt: new Date(began),
      labels: labelsOf({ service: service?.id, service_name: service?.summary, urgency }),
      title: firstText(title, id),
      text: "",
      link: firstText(link),
    }),
  ]);
};
