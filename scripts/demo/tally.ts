// What the visitors did, in counts: the demo prints them and the tests check them.
import { type Mark } from "./behaviour.ts";
import { type FirstVisit, type VisitorEvent } from "./visit.ts";

interface Group {
  visitors: number;
  checkouts: number;
  returns: number;
}

export interface Tally {
  /** Visitors who came, each counted once; those who could not finish their visit included. */
  visitors: number;
  /** Arrivals that found `maxAtOnce` visitors inside and were not begun. */
  turnedAway: number;
  requests: number;
  checkouts: number;
  /** Visitors who came back and got a page. */
  returns: number;
  errors: number;
  /** Status code → answers. */
  statuses: Record<number, number>;
  /** Error message → times. */
  errorMessages: Record<string, number>;
  /** By all that the first visit showed: marks in order, joined by " + ", or "nothing". Finished visits only. */
  byShown: Record<string, Group>;
}

export const emptyTally = (): Tally => ({
  visitors: 0,
  turnedAway: 0,
  requests: 0,
  checkouts: 0,
  returns: 0,
  errors: 0,
  statuses: {},
  errorMessages: {},
  byShown: {},
});

const groupName = (shown: ReadonlySet<Mark>): string => [...shown].toSorted().join(" + ") || "nothing";

const groupOf = (tally: Tally, shown: ReadonlySet<Mark>): Group =>
  (tally.byShown[groupName(shown)] ??= { visitors: 0, checkouts: 0, returns: 0 });

export const tallyEvent = (tally: Tally, event: VisitorEvent): void => {
  tally.requests += 1;
  switch (event.type) {
    case "page":
      tally.statuses[event.status] = (tally.statuses[event.status] ?? 0) + 1;
      break;
    case "error":
      tally.errors += 1;
      tally.errorMessages[event.message] = (tally.errorMessages[event.message] ?? 0) + 1;
      break;
  }
};

export const tallyVisit = (tally: Tally, { shown, checkedOut }: FirstVisit): void => {
  const group = groupOf(tally, shown);
  group.visitors += 1;
  if (!checkedOut) return;
  group.checkouts += 1;
  tally.checkouts += 1;
};

export const tallyReturn = (tally: Tally, { shown }: FirstVisit): void => {
  groupOf(tally, shown).returns += 1;
  tally.returns += 1;
};
