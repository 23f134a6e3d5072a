// `sluice audit verify`: reads the database itself where it can, so that it need not believe the service whose audit it
// checks.
import { defineCommand } from "citty";
import { z } from "zod";
import { verifyAudit, type AuditRange, type AuditVerdict } from "../features/audit/verify-audit.ts";
import { askFor, originArgument } from "./ask-origin.ts";
import { UsageError } from "./errors.ts";
import { readFrom } from "./read-source.ts";

const Verdict: z.ZodType<AuditVerdict> = z.discriminatedUnion("ok", [
  z.object({ ok: z.literal(true), from: z.number(), to: z.number(), rows: z.number(), hash: z.string() }),
  z.object({
    ok: z.literal(false),
    seq: z.number(),
    fault: z.enum(["missing", "unlinked", "altered", "headMismatch", "lost"]),
  }),
]);

const verifyAtOrigin = (originUrl: string | undefined, range: AuditRange): Promise<AuditVerdict> => {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(range)) query.set(name, String(value));
  return askFor(originUrl, { path: `/audit/verify?${query.toString()}` }, Verdict);
};

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
    origin: originArgument,
  },
  run: async ({ args }) => {
    const from = rowNumber(args.from, "from");
    const to = rowNumber(args.to, "to");
    const range = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
    const verdict = await readFrom({
      applicationName: "sluice-audit",
      database: (db) => verifyAudit(db, range),
      origin: () => verifyAtOrigin(args.origin, range),
    });
    process.stdout.write(
      verdict.ok
        ? `audit is whole: rows ${verdict.from} to ${verdict.to}, head ${verdict.hash}\n`
        : `audit is broken: row ${verdict.seq} ${sentence[verdict.fault]}\n`,
    );
    process.exitCode = verdict.ok ? 0 : 1;
  },
});

export const auditCommand = defineCommand({
  meta: { name: "audit", description: "The record of every change" },
  subCommands: { verify },
});
