// `sluice audit verify`: whether the record of changes is whole.
import { defineCommand } from "citty";
import { z } from "zod";
import { askFor, originArgument } from "./ask-origin.ts";
import { UsageError } from "./errors.ts";
import { jsonArgument, printJson, printLine } from "./print.ts";

const Verdict = z.discriminatedUnion("ok", [
  z.object({ ok: z.literal(true), from: z.number(), to: z.number(), rows: z.number(), hash: z.string() }),
  z.object({
    ok: z.literal(false),
    seq: z.number(),
    fault: z.enum(["missing", "unlinked", "altered", "headMismatch", "lost"]),
  }),
]);

/** Years of audit are many rows. */
const WITHIN_MS = 600_000;

const sentence = {
  missing: "is missing",
  unlinked: "does not follow from the row before it",
  altered: "was altered",
  headMismatch: "is not the row that was committed last",
  lost: "is the last one that an edge's history shares: the rows after it were lost or replaced, as after a failover",
} as const;

const rowNumber = (text: string | undefined, name: string): number | undefined => {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d*$/.test(text)) throw new UsageError(`--${name} must be the number of a row`);
  return Number(text);
};

const verify = defineCommand({
  meta: {
    name: "verify",
    description: "Check that the audit was not tampered with; names the first broken row",
  },
  args: {
    from: { type: "string", description: "first row to check (default: the first)" },
    to: { type: "string", description: "last row to check (default: the last)" },
    json: jsonArgument,
    origin: originArgument,
  },
  run: async ({ args }) => {
    const query = new URLSearchParams();
    for (const name of ["from", "to"] as const) {
      const row = rowNumber(args[name], name);
      if (row !== undefined) query.set(name, String(row));
    }
    const request = { path: `/audit/verify?${query.toString()}`, withinMs: WITHIN_MS };
    const verdict = await askFor(args.origin, request, Verdict);
    process.exitCode = verdict.ok ? 0 : 1;
    if (args.json) return printJson(verdict);
    return printLine(
      verdict.ok
        ? `audit is whole: rows ${verdict.from} to ${verdict.to}, head ${verdict.hash}`
        : `audit is broken: row ${verdict.seq} ${sentence[verdict.fault]}`,
    );
  },
});

export const auditCommand = defineCommand({
  meta: { name: "audit", description: "The record of every change" },
  subCommands: { verify },
});
