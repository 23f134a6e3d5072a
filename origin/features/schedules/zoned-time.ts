// From a time on the clocks of a zone to the instant. Twice a year such a time does not exist, or comes twice: both are refused
// with what to write instead. Pure: the rules of the zones are those of this process's ICU.
import { err, ok, type Result } from "../../../shared/result.ts";
import type { FieldError } from "../change-error.ts";

const LOCAL = /^(\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2})?)(Z|[+-]\d{2}:\d{2})?$/;
/** A zone by its name, and no bare offset: that would not follow the clocks. */
const ZONE = /^[A-Za-z][A-Za-z0-9_+\-/]{0,63}$/;
const DAY_MS = 86_400_000;

const formatOf = (zone: string): Intl.DateTimeFormat | null => {
  try {
    return new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      second: "2-digit",
    });
  } catch {
    return null;
  }
};

/** What the clocks of the zone show, as if it were UTC. */
const clockMs = (format: Intl.DateTimeFormat, instantMs: number): number => {
  const parts = new Map(format.formatToParts(instantMs).map(({ type, value }) => [type, Number(value)]));
  const part = (name: Intl.DateTimeFormatPartTypes): number => parts.get(name) ?? 0;
  return Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"));
};

const offsetMs = (format: Intl.DateTimeFormat, instantMs: number): number =>
  clockMs(format, instantMs) - Math.floor(instantMs / 1_000) * 1_000;

const offsetText = (ms: number): string => {
  const minutes = Math.abs(Math.round(ms / 60_000));
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${ms < 0 ? "-" : "+"}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
};

const offsetOfText = (text: string): number => {
  if (text === "Z") return 0;
  const [hours = 0, minutes = 0] = text.slice(1).split(":").map(Number);
  return (text.startsWith("-") ? -1 : 1) * (hours * 60 + minutes) * 60_000;
};

/** `2026-12-01T09:00`, as a person reads it off the clock. */
const clockText = (ms: number): string => new Date(ms).toISOString().slice(0, 16);

const wrong = (field: string, reason: string): Result<number, FieldError> => err({ field, reason });

/** `Date.parse` takes 31 November for 1 December and 24:00 for the next day; here they are no times. */
const parseClock = (text: string): number => {
  const ms = Date.parse(`${text.length === 16 ? `${text}:00` : text}Z`);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text) ? ms : Number.NaN;
};

/** Unix milliseconds of the time `at` on the clocks of `zone`, or the field that is wrong. */
export const instantOf = ({ at, zone }: { at: string; zone: string }): Result<number, FieldError> => {
  const format = ZONE.test(zone) ? formatOf(zone) : null;
  if (format === null) return wrong("zone", "must be a time zone by its name, such as Europe/Berlin or UTC");
  const [, clock = "", givenOffset] = LOCAL.exec(at) ?? [];
  const wanted = clock === "" ? Number.NaN : parseClock(clock);
  if (Number.isNaN(wanted))
    return wrong("at", "must be a time such as 2026-12-01T09:00, or with its offset: 2026-12-01T09:00+01:00");
  if (givenOffset !== undefined) {
    const instant = wanted - offsetOfText(givenOffset);
    const offset = offsetMs(format, instant);
    return offset === offsetOfText(givenOffset)
      ? ok(instant)
      : wrong("at", `has the offset ${givenOffset}, and ${zone} has ${offsetText(offset)} at that time`);
  }
  const before = offsetMs(format, wanted - DAY_MS);
  const after = offsetMs(format, wanted + DAY_MS);
  const fitting = [...new Set([before, after])].filter(
    (offset) => offsetMs(format, wanted - offset) === offset,
  );
  const [first, second] = fitting;
  if (first === undefined)
    return wrong(
      "at",
      `does not exist in ${zone}: the clocks skip it. One and the same instant after the skip is ` +
        `${clockText(wanted - before + after)}${offsetText(after)}`,
    );
  if (second !== undefined)
    return wrong(
      "at",
      `comes twice in ${zone}, because the clocks go back: write ${clock}${offsetText(first)} for the first or ` +
        `${clock}${offsetText(second)} for the second`,
    );
  return ok(wanted - first);
};
