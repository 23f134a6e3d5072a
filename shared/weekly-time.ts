// A time that comes once a week on the clocks of a zone, such as "Monday 09:00 Europe/Berlin". Pure.
import * as z from "zod";

const WEEKDAYS = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"] as const;
const DAY_MS = 86_400_000;

export type WeeklyTime = {
  /** 0 is Sunday. */
  readonly weekday: number;
  readonly hour: number;
  readonly minute: number;
  readonly zone: string;
};

const clockOf = (zone: string): Intl.DateTimeFormat | null => {
  try {
    return new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      weekday: "long",
      hour: "2-digit",
      minute: "2-digit",
    });
  } catch {
    return null;
  }
};

const FORM =
  "must be a weekday, a time and a zone, such as Monday 08:00 UTC or Friday 16:30 Europe/Berlin; or off";

const parse = (text: string): WeeklyTime | null | undefined => {
  if (text === "off") return null;
  const [, day = "", hours = "", minutes = "", zone = ""] =
    /^([A-Za-z]+) (\d{1,2}):(\d{2}) ([A-Za-z][A-Za-z0-9_+\-/]{0,63})$/.exec(text) ?? [];
  const weekday = WEEKDAYS.findIndex((name) => name.toLowerCase() === day.toLowerCase());
  const [hour, minute] = [Number(hours), Number(minutes)];
  if (weekday < 0 || hour > 23 || minute > 59 || clockOf(zone) === null) return undefined;
  return { weekday, hour, minute, zone };
};

/** null: never. */
export const WeeklyTime = z.string().transform((text, context): WeeklyTime | null => {
  const parsed = parse(text);
  if (parsed !== undefined) return parsed;
  context.addIssue({ code: "custom", message: FORM });
  return z.NEVER;
});

/**
 * The last time that it was so before or at `nowMs`, to the minute. A time that the clocks skip is taken at the same distance from
 * midnight, one that comes twice the second time.
 */
export const lastWeeklyTime = ({ weekday, hour, minute, zone }: WeeklyTime, nowMs: number): number => {
  const clock = clockOf(zone);
  if (clock === null) throw new Error(`the zone ${zone} is not known here`);
  const minutesOfWeek = (ms: number): number => {
    const parts = new Map(clock.formatToParts(ms).map(({ type, value }) => [type, value]));
    const day = WEEKDAYS.findIndex((name) => name === parts.get("weekday"));
    return (day * 24 + Number(parts.get("hour"))) * 60 + Number(parts.get("minute"));
  };
  const wanted = (weekday * 24 + hour) * 60 + minute;
  const WEEK = 7 * 24 * 60;
  const thisMinute = Math.floor(nowMs / 60_000) * 60_000;
  let at = thisMinute - ((minutesOfWeek(thisMinute) - wanted + WEEK) % WEEK) * 60_000;
  // Between the two the clocks may have been changed.
  const off = ((wanted - minutesOfWeek(at) + WEEK + WEEK / 2) % WEEK) - WEEK / 2;
  if (Math.abs(off) <= 180) at += off * 60_000;
  return at > nowMs ? at - 7 * DAY_MS : at;
};
