// Datadog's webhooks have the payload that their owner writes; docs/alarms-in.md has the one that is read here.
// https://docs.datadoghq.com/integrations/webhooks/
import { z } from "zod";
import { err, ok, type Result } from "../../../shared/result.ts";
import { alertOf, firstText, issuesOf, labelsOf, type Alert, type ReadAlert } from "../alert.ts";

/** A variable that Datadog did not fill in stays as it was written. */
const filled = z
  .union([z.string(), z.number().transform(String)])
  .refine((text) => text !== "" && !text.startsWith("$"), "was not filled in by Datadog");

const Payload = z.looseObject({
  alert_cycle_key: filled,
  alert_transition: filled,
  /** Milliseconds since 1970; seconds are taken too. */
  date: filled.transform(Number).refine((date) => date > 0, "must be a time in milliseconds"),
  event_title: z.unknown().optional(),
  event_msg: z.unknown().optional(),
  tags: z.unknown().optional(),
  link: z.unknown().optional(),
});

/**
 * A warning is not an alarm. Neither is missing data: Sluice takes it for a zero nowhere. A renotification has the key of its
 * cycle, and is found to be a repeat.
 */
const STATUS: ReadonlyMap<string, Alert["status"]> = new Map([
  ["Triggered", "firing"],
  ["Re-Triggered", "firing"],
  ["Renotify", "firing"],
  ["Recovered", "resolved"],
]);

/** "a:b,c:d" as labels; a tag without a value has none. */
const tagsOf = (tags: unknown): ReadonlyMap<string, string> => {
  const pairs = (typeof tags === "string" ? tags : "").split(",").map((tag) => {
    const at = tag.indexOf(":");
    return at < 0 ? [tag.trim(), ""] : [tag.slice(0, at).trim(), tag.slice(at + 1).trim()];
  });
  return labelsOf(Object.fromEntries(pairs));
};

/** A later time than this as milliseconds is the year 1973, as seconds the year 5138. */
const MOST_SECONDS = 1e11;

export const readDatadog = (json: unknown): Result<readonly ReadAlert[], string> => {
  const payload = Payload.safeParse(json);
  if (!payload.success) return err(issuesOf(payload.error));
  const { alert_cycle_key: key, alert_transition: transition, date, tags } = payload.data;
  return ok([
    alertOf({
      key,
      status: STATUS.get(transition) ?? "other",
      beganAt: new Date(date < MOST_SECONDS ? date * 1_000 : date),
      labels: tagsOf(tags),
      title: firstText(payload.data.event_title, key),
      text: firstText(payload.data.event_msg),
      link: firstText(payload.data.link),
    }),
  ]);
};
