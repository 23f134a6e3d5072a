// The survivors that no test can kill, because they do the same as the original: each with the reason, in equal-mutants.json.
// A mutant is named by the lines that it changes, so that it is found again when lines above it come and go.
import { readFileSync } from "node:fs";
import { z } from "zod";
import { applyMutant, type Mutant } from "./mutants.ts";

const EqualMutants = z.record(
  z.string(),
  z.array(z.strictObject({ was: z.string(), becomes: z.string(), why: z.string().min(1) })),
);
export type EqualMutants = z.infer<typeof EqualMutants>;

export const readEqualMutants = (): EqualMutants =>
  EqualMutants.parse(JSON.parse(readFileSync(new URL("./equal-mutants.json", import.meta.url), "utf8")));

const oneLine = (text: string): string => text.replaceAll(/\s+/g, " ").trim();

export type NamedMutant = Mutant & { readonly line: number; readonly was: string; readonly becomes: string };

/** The whole lines that a mutant changes, before and after. */
export const nameMutant = (text: string, mutant: Mutant): NamedMutant => {
  const { start, end, replacement } = mutant;
  const from = text.lastIndexOf("\n", start - 1) + 1;
  const lineEnd = text.indexOf("\n", end);
  const to = lineEnd < 0 ? text.length : lineEnd;
  const after = applyMutant(text, mutant).slice(from, to + replacement.length - (end - start));
  return {
    ...mutant,
    line: text.slice(0, start).split("\n").length,
    was: oneLine(text.slice(from, to)),
    becomes: oneLine(after),
  };
};
