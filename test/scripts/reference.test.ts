// docs/reference against the schemas and metrics that it is generated from.
import { readdir, readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { z } from "zod";
import { referencePages } from "../../scripts/reference/pages.ts";
import { rowsOf } from "../../scripts/reference/schema-rows.ts";

const folder = new URL("../../docs/reference/", import.meta.url);
const pages = referencePages();

test.each([...pages])(
  "docs/reference/%s is what the code says (else: npm run docs:reference)",
  async (name, text) => {
    expect(await readFile(new URL(name, folder), "utf8")).toBe(text);
  },
);

test("docs/reference holds generated pages only", async () => {
  expect((await readdir(folder)).toSorted()).toEqual([...pages.keys()].toSorted());
});

test("every default is shown as a person would write it", () => {
  expect([...pages.values()].flatMap((text) => text.match(/.*\[object .*/g) ?? [])).toEqual([]);
  expect(pages.get("environment.md")).toContain("| `viewer=viewer,editor=editor,admin=admin` ");
});

test("every field, variable and metric has a meaning", () => {
  const lacking = [...pages.values()].flatMap((text) =>
    text.split("\n").filter((line) => /^\|.*\| +\|$/.test(line)),
  );
  expect(lacking).toEqual([]);
});

test.each([
  ["a bound", z.number().min(2).max(5).describe("m"), { form: "number from 2 to 5", default: "required" }],
  [
    "an open bound",
    z.number().int().positive().describe("m"),
    { form: "whole number above 0", default: "required" },
  ],
  ["a default", z.enum(["a", "b"]).default("b").describe("m"), { form: "`a` or `b`", default: "`b`" }],
  [
    "a text's refusal",
    z.string().regex(/^\d+$/, "must be a whole number").transform(Number).default(7).describe("m"),
    { form: "whole number", default: "`7`" },
  ],
  ["an optional text", z.string().optional().describe("m"), { form: "text", default: "" }],
])("a row shows %s as the schema has it", (_, schema, row) => {
  expect(rowsOf("field", schema)).toEqual([{ name: "field", meaning: "m", ...row }]);
});

test("fields of an object within are rows of their own, and those of several shapes are one", () => {
  const schema = z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("a").describe("A.") }),
    z.strictObject({ kind: z.literal("b").describe("B."), size: z.number().describe("How large.") }),
  ]);
  expect(rowsOf("box", schema).slice(1)).toEqual([
    { name: "box.kind", form: "`a` or `b`", default: "required", meaning: "`a`: A. `b`: B." },
    { name: "box.size", form: "number", default: "required", meaning: "How large." },
  ]);
});
