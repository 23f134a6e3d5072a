import { assert, constantFrom, integer, property } from "fast-check";
import { describe, expect, test } from "vitest";
import { instantOf } from "../../../origin/features/schedules/zoned-time.ts";

const utc = (at: string, zone: string): string => {
  const instant = instantOf({ at, zone });
  return instant.ok
    ? new Date(instant.value).toISOString()
    : `${instant.error.field}: ${instant.error.reason}`;
};

describe("a time on the clocks of a zone", () => {
  test.each([
    ["2026-12-01T09:00", "Europe/Berlin", "2026-12-01T08:00:00.000Z"],
    ["2026-07-01T09:00:30", "Europe/Berlin", "2026-07-01T07:00:30.000Z"],
    ["2026-12-01T09:00", "UTC", "2026-12-01T09:00:00.000Z"],
    ["2026-12-01T09:00", "Asia/Kathmandu", "2026-12-01T03:15:00.000Z"],
    ["2026-12-01T23:30", "America/St_Johns", "2026-12-02T03:00:00.000Z"],
    ["2028-02-29T12:00", "Pacific/Kiritimati", "2028-02-28T22:00:00.000Z"],
    // Half an hour before and after the skip, and around the hour that comes twice.
    ["2027-03-28T01:30", "Europe/Berlin", "2027-03-28T00:30:00.000Z"],
    ["2027-03-28T03:00", "Europe/Berlin", "2027-03-28T01:00:00.000Z"],
    ["2026-10-25T01:59", "Europe/Berlin", "2026-10-24T23:59:00.000Z"],
    ["2026-10-25T03:00", "Europe/Berlin", "2026-10-25T02:00:00.000Z"],
    ["2026-10-25T02:30+02:00", "Europe/Berlin", "2026-10-25T00:30:00.000Z"],
    ["2026-10-25T02:30+01:00", "Europe/Berlin", "2026-10-25T01:30:00.000Z"],
    ["2026-12-01T09:00Z", "UTC", "2026-12-01T09:00:00.000Z"],
    // Lord Howe moves its clocks by half an hour.
    ["2027-04-04T01:15", "Australia/Lord_Howe", "2027-04-03T14:15:00.000Z"],
  ])("%s in %s is %s", (at, zone, instant) => expect(utc(at, zone)).toBe(instant));

  test.each([
    ["2027-03-28T02:30", "Europe/Berlin", /^at: does not exist in Europe\/Berlin.* 2027-03-28T03:30\+02:00$/],
    [
      "2026-10-25T02:30",
      "Europe/Berlin",
      /^at: comes twice in Europe\/Berlin.* 2026-10-25T02:30\+02:00 for the first or 2026-10-25T02:30\+01:00 for the second$/,
    ],
    ["2027-10-03T02:15", "Australia/Lord_Howe", /^at: does not exist/],
    ["2027-04-04T01:45", "Australia/Lord_Howe", /^at: comes twice/],
    ["2026-12-01T09:00Z", "Europe/Berlin", /^at: has the offset Z, and Europe\/Berlin has \+01:00/],
    ["2026-12-01T09:00+02:00", "Europe/Berlin", /^at: has the offset \+02:00/],
    ["2026-11-31T09:00", "UTC", /^at: must be a time/],
    ["2027-02-29T09:00", "UTC", /^at: must be a time/],
    ["2026-12-01T24:00", "UTC", /^at: must be a time/],
    ["2026-12-01 09:00", "UTC", /^at: must be a time/],
    ["tomorrow", "UTC", /^at: must be a time/],
    ["2026-12-01T09:00", "Europe/Atlantis", /^zone: must be a time zone/],
    ["2026-12-01T09:00", "+01:00", /^zone: must be a time zone/],
    ["2026-12-01T09:00", "", /^zone: must be a time zone/],
    ["2026-12-01T09:00", "__proto__", /^zone: must be a time zone/],
  ])("%s in %s is refused by its field", (at, zone, reason) => expect(utc(at, zone)).toMatch(reason));

  test("written with the offset that its clocks have, every instant comes back", () => {
    const zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "UTC"];
    assert(
      property(integer({ min: 29_000_000, max: 31_000_000 }), constantFrom(...zones), (minute, zone) => {
        const instant = minute * 60_000;
        const parts = new Intl.DateTimeFormat("sv-SE", {
          timeZone: zone,
          dateStyle: "short",
          timeStyle: "short",
        }).format(instant);
        const offset = new Intl.DateTimeFormat("en-US", { timeZone: zone, timeZoneName: "longOffset" })
          .format(instant)
          .replace(/^.*GMT/, "");
        const at = `${parts.replace(" ", "T")}${offset === "" ? "Z" : offset}`;
        expect(utc(at, zone)).toBe(new Date(instant).toISOString());
      }),
      { numRuns: 2_000 },
    );
  });
});
