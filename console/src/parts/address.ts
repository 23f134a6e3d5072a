// Filters that stand in the address: a link shows the same, and Back leads to what was there before.
import { useLocation } from "preact-iso";

export type Filters<Name extends string> = Readonly<Record<Name, string>>;

/** The page's address with these values in its query; what is empty is left out. */
export const addressOf = (path: string, values: Readonly<Record<string, string>>): string => {
  const given = Object.entries(values).filter(([, value]) => value !== "");
  return given.length === 0 ? path : `${path}?${new URLSearchParams(given).toString()}`;
};

export const useFilters = <Name extends string>(
  names: readonly Name[],
): {
  readonly filters: Filters<Name>;
  /** Where other values lead. A page of the list before is no page of another list. */
  readonly withFilters: (next: Partial<Filters<Name>>) => string;
  readonly setFilters: (next: Partial<Filters<Name>>) => void;
  /** Of the page that is shown; empty: the first. */
  readonly before: string;
  readonly olderThan: (before: string) => string;
} => {
  const { path, query, route } = useLocation();
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each name has its value
  const filters = Object.fromEntries(names.map((name) => [name, query[name] ?? ""])) as Filters<Name>;
  const withFilters = (next: Partial<Filters<Name>>): string => addressOf(path, { ...filters, ...next });
  return {
    filters,
    withFilters,
    setFilters: (next) => route(withFilters(next), true),
    before: query["before"] ?? "",
    olderThan: (before) => addressOf(path, { ...filters, before }),
  };
};

const DAY_MS = 86_400_000;

/** The first moment of a day (`2026-11-26`) in the reader's zone; undefined: it is no day. */
export const dayBegins = (day: string): string | undefined => {
  const at = /^\d{4}-\d{2}-\d{2}$/.test(day) ? new Date(`${day}T00:00`) : null;
  return at === null || Number.isNaN(at.getTime()) ? undefined : at.toISOString();
};

/** The first moment after it: half a day beyond its last hour is the next day, however long it is. */
export const dayEnds = (day: string): string | undefined => {
  const begins = dayBegins(day);
  if (begins === undefined) return undefined;
  const next = new Date(Date.parse(begins) + 1.5 * DAY_MS);
  next.setHours(0, 0, 0, 0);
  return next.toISOString();
};

/** The day of a moment, as a date field has it. */
export const dayOf = (at: Date): string =>
  [at.getFullYear(), at.getMonth() + 1, at.getDate()].map((part) => String(part).padStart(2, "0")).join("-");
