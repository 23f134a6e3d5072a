// Makes what the API answers the same on each day: times are moved so that the shop is seen at one moment, and what is random
// in a process has a fixed value. Pure.

const DAY_MS = 86_400_000;
/** The moment that all pictures show. */
export const SEEN_AT_MS = Date.parse("2026-11-20T12:00:00Z");
/** What the origin did while it was filled and looked at happened just now. */
const JUST_NOW = { fromMs: -30_000, untilMs: 30 * 60_000, shownMs: -2_000 };

const startOfDay = (ms: number): number => Math.floor(ms / DAY_MS) * DAY_MS;

/** `nowMs`: the moment at which the shop really is. What lies ahead keeps its time of the day. */
const moved = (ms: number, nowMs: number): number => {
  const since = ms - nowMs;
  if (since >= JUST_NOW.fromMs && since <= JUST_NOW.untilMs) return SEEN_AT_MS + JUST_NOW.shownMs;
  // Days before the moment at which the origin answered.
  const dayAfter = since - Math.floor(since / DAY_MS) * DAY_MS;
  if (since < 0) return SEEN_AT_MS + since - (dayAfter <= JUST_NOW.untilMs ? dayAfter : 0);
  return startOfDay(SEEN_AT_MS) + startOfDay(ms) - startOfDay(nowMs) + (ms - startOfDay(ms));
};

const seconds = (ms: number): string => new Date(ms).toISOString().slice(0, 19);

/** `text`: an answer of the API, as JSON. */
export const steadyAnswer = (text: string, nowMs: number): string =>
  text
    .replaceAll(
      /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z/g,
      (at) => `${seconds(moved(Date.parse(at), nowMs))}.000Z`,
    )
    .replaceAll(
      /(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d) UTC/g,
      (_, day: string, time: string) =>
        `${seconds(moved(Date.parse(`${day}T${time}Z`), nowMs)).replace("T", " ")} UTC`,
    )
    .replaceAll(/"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)"/g, (_, day: string, time: string) => {
      const ms = moved(Date.parse(`${day}T${time}Z`), nowMs);
      return `"${seconds(ms).slice(0, 16)}"`;
    })
    .replaceAll(/\b[0-9a-f]{64}\b/g, (hash) => "0123456789abcdef".repeat(hash.length / 16));
