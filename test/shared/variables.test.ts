import { describe, expect, test } from "vitest";
import { z } from "zod";
import {
  listeningPort,
  parseVariables,
  variableErrorText,
  whole,
  withoutEmpty,
} from "../../shared/variables.ts";
import { issuesOf } from "../support/issues.ts";

describe("a whole number", () => {
  const port = whole(1, 65_535, 8_080);

  test.each([
    ["1", 1],
    ["65535", 65_535],
    ["0080", 80],
    [443, 443],
  ])("may be written as %j", (text, value) => {
    expect(port.parse(text)).toBe(value);
  });

  test.each(["0", "65536", "", "-1", "+1", "1.5", "1e3", " 1", "1x", "x1", "bogus"])(
    "is refused as %j, with the bounds",
    (text) => {
      expect(issuesOf(port, text)[0]).toMatch(/ 1 to 65535$/);
    },
  );

  test("is none when it is empty, not 0", () => {
    expect(issuesOf(whole(0, 9, 3), "")).not.toEqual([]);
    expect(whole(0, 9, 3).parse("0")).toBe(0);
  });

  test("is the fallback when it is not set", () => {
    expect(port.parse(undefined)).toBe(8_080);
  });
});

describe("a port to listen on", () => {
  const port = listeningPort(8_080);

  test("is any that browsers and fetch connect to, up to 65535", () => {
    expect(["2", "80", "10079", "65535", undefined].map((text) => port.parse(text))).toEqual([
      2, 80, 10_079, 65_535, 8_080,
    ]);
  });

  test.each(["0", "1", "87", "990", "6697", "10080", "65536"])("is not %s", (text) => {
    expect(issuesOf(port, text)).not.toEqual([]);
  });
});

describe("a process's variables", () => {
  const schema = z.object({ PORT: whole(1, 9, 3), NAME: z.string() });

  test("are read by the schema, and may hold more", () => {
    expect(parseVariables(schema, { PORT: "7", NAME: "a", HOME: "/root" })).toEqual({
      ok: true,
      value: { PORT: 7, NAME: "a" },
    });
  });

  test("are refused with the name of each that is wrong, and without its value", () => {
    const result = parseVariables(schema, { PORT: "1234", NAME: 7 });
    if (result.ok) throw new Error("accepted");
    expect(result.error.map(({ variable }) => variable)).toEqual(["PORT", "NAME"]);
    const texts = result.error.map(variableErrorText);
    expect(texts[0]).toMatch(/^PORT must be a whole number/);
    expect(texts.join(" ")).not.toContain("1234");
  });

  test("count as unset when they are empty", () => {
    expect(withoutEmpty({ A: "1", B: "", C: undefined, D: " " })).toStrictEqual({ A: "1", D: " " });
  });
});
