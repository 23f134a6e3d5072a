// What is filtered, as a file: every page of it is read, up to a bound.
import { listAudit, type AuditEntry } from "../client.gen.ts";
import type { queryOf } from "./audit-filters.tsx";

export const MOST_ENTRIES = 50_000;
const PAGE = 500;

export const readAll = async (
  query: ReturnType<typeof queryOf>,
  onCount: (count: number) => void,
): Promise<{ readonly entries: readonly AuditEntry[]; readonly isCut: boolean }> => {
  const entries: AuditEntry[] = [];
  let before: number | undefined;
  while (entries.length < MOST_ENTRIES) {
    const page = await listAudit({ ...query, limit: PAGE, before });
    entries.push(...page.entries);
    onCount(entries.length);
    if (page.next === null) return { entries, isCut: false };
    before = Number(page.next);
  }
  return { entries, isCut: true };
};

const COLUMNS = [
  "seq",
  "at",
  "actor",
  "action",
  "featureId",
  "cause",
  "reason",
  "version",
  "epoch",
  "revision",
  "hash",
] as const;

/** Spreadsheets take what begins with these for a formula. */
const FORMULA = /^[=+\-@\t\r]/;

const cell = (value: string | number | null): string => {
  if (typeof value !== "string") return value === null ? "" : String(value);
  const safe = FORMULA.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

/** RFC 4180, with what an entry changed as JSON in the last column. */
export const auditCsv = (entries: readonly AuditEntry[]): string =>
  [
    [...COLUMNS, "details"].join(","),
    ...entries.map((entry) =>
      [...COLUMNS.map((column) => cell(entry[column])), cell(JSON.stringify(entry.details))].join(","),
    ),
    "",
  ].join("\r\n");
