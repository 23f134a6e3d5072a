// Alertmanager's webhook (version 4 of its payload) and Grafana's, which has the same form with more fields. The generic payload
// is this form too.
// https://prometheus.io/docs/alerting/latest/configuration/#webhook_config
import { z } from "zod";
import { err, ok, type Result } from "../../../shared/result.ts";
import { alertOf, firstText, issuesOf, labelsOf, Texts, type ReadAlert } from "../alert.ts";

const Payload = z.looseObject({ alerts: z.array(z.unknown()) });

const Item = z.looseObject({
  status: z.enum(["firing", "resolved"]),
  labels: Texts.default({}),
  annotations: Texts.default({}),
  startsAt: z.iso.datetime({ offset: true }),
  /** Alertmanager since 0.20, Grafana always: a hash of the labels. */
  fingerprint: z.string().min(1),
  generatorURL: z.unknown().optional(),
  /** Grafana's own sentence of the values. */
  valueString: z.unknown().optional(),
});

const readOne = (json: unknown): ReadAlert => {
  const item = Item.safeParse(json);
  if (!item.success) return err(issuesOf(item.error));
  const { status, labels, annotations, startsAt, fingerprint, generatorURL, valueString } = item.data;
  const own = labelsOf(labels);
  const notes = labelsOf(annotations);
  const beganAt = new Date(startsAt);
  if (Number.isNaN(beganAt.getTime())) return err("startsAt: is no time");
  return alertOf({
    key: `${fingerprint} ${beganAt.toISOString()}`,
    status,
    beganAt,
    labels: own,
    title: firstText(own.get("alertname"), notes.get("summary"), fingerprint),
    text: firstText(annotations["summary"], annotations["description"], annotations["message"], valueString),
    link: firstText(generatorURL),
  });
};

export const readPrometheus = (json: unknown): Result<readonly ReadAlert[], string> => {
  const payload = Payload.safeParse(json);
  return payload.success ? ok(payload.data.alerts.map(readOne)) : err(issuesOf(payload.error));
};
