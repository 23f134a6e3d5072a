// What an entry of the audit says of each field, as plain rows. Entries of earlier versions name the new values alone.
import type { AuditEntry } from "../client.gen.ts";

/** `from` is undefined where the entry does not say what was before. */
export type ChangedField = { readonly field: string; readonly from?: unknown; readonly to: unknown };

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const listed = (value: unknown): ChangedField[] =>
  isRecord(value) ? Object.entries(value).map(([field, to]) => ({ field, to })) : [];

const isDiff = (value: unknown): value is readonly ChangedField[] =>
  Array.isArray(value) && value.every((each) => isRecord(each) && typeof each["field"] === "string");

/** Two documents as the fields in which they differ. */
const between = (from: unknown, to: unknown): ChangedField[] => {
  if (!isRecord(from) || !isRecord(to)) return [{ field: "all", from, to }];
  const fields = new Set([...Object.keys(from), ...Object.keys(to)]);
  return [...fields]
    .filter((field) => JSON.stringify(from[field]) !== JSON.stringify(to[field]))
    .map((field) => ({ field, from: from[field] ?? null, to: to[field] ?? null }));
};

/** What else the details say: by whose leave, from which file, and why. */
const SAID_ELSEWHERE = new Set(["diff", "edit", "rule", "evidence", "because", "features", "segmentId"]);

export const changedFields = ({
  action,
  details,
}: Pick<AuditEntry, "action" | "details">): ChangedField[] => {
  const { diff, edit, rule, from, to } = details as Readonly<Record<string, unknown>>;
  if (isDiff(diff)) return [...diff];
  if (action === "segment") return between(from ?? null, to ?? null);
  if (edit !== undefined) return listed(edit);
  if (action === "rule") return listed(rule);
  if (action === "rollout" && from !== undefined) return [{ field: "rolloutBps", from, to }];
  if (action === "rollback") return [{ field: "rolloutBps", from: details["rolloutBeforeBps"], to: 0 }];
  return listed(details).filter(({ field }) => !SAID_ELSEWHERE.has(field));
};
