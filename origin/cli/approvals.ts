// `sluice approvals`: changes that wait for a second person. Whoever approves names the hash of what they were shown.
import { stripVTControlCharacters } from "node:util";
import { defineCommand } from "citty";
import { z } from "zod";
import { featureIdArgument } from "./arguments.ts";
import { askFor, originArgument } from "./ask-origin.ts";
import { UsageError } from "./errors.ts";
import { jsonArgument, printJson, printLine, say, tableText } from "./print.ts";

const Approval = z.looseObject({
  approvalId: z.string(),
  state: z.string(),
  hash: z.string(),
  featureIds: z.array(z.string()),
  change: z.looseObject({ kind: z.string() }),
  diff: z.array(
    z.object({
      featureId: z.string().nullable(),
      field: z.string(),
      from: z.unknown(),
      to: z.unknown(),
    }),
  ),
  reason: z.string(),
  askedBy: z.string(),
  askedAt: z.string(),
  expiresAt: z.string(),
  decidedBy: z.string().nullable(),
  decisionReason: z.string().nullable(),
  outcome: z.looseObject({ revision: z.number().optional(), scheduleId: z.string().optional() }).nullable(),
});
type Approval = z.infer<typeof Approval>;
const Page = z.object({ approvals: z.array(Approval), next: z.number().nullable() });

const ID = /^apr_[0-9a-f]+$/;
const pathOf = (id: string, verb = ""): string => {
  if (!ID.test(id)) throw new UsageError("ID must be as `approvals list` shows it: apr_…");
  return `/approvals/${id}${verb}`;
};

const plain = (text: string): string => stripVTControlCharacters(text);
const valueText = (value: unknown): string => plain(JSON.stringify(value) ?? "null");
const minute = (time: string): string => `${time.slice(0, 16).replace("T", " ")} UTC`;

const approvalText = (approval: Approval): string =>
  [
    `${approval.approvalId}  ${approval.state}`,
    `${approval.change.kind} ${approval.featureIds.join(", ")}: ${plain(approval.reason)}`,
    `asked by ${plain(approval.askedBy)} at ${minute(approval.askedAt)}, until ${minute(approval.expiresAt)}`,
    ...(approval.decidedBy === null
      ? []
      : [
          `${approval.state} by ${plain(approval.decidedBy)}${approval.decisionReason === null ? "" : `: ${plain(approval.decisionReason)}`}`,
        ]),
    "",
    ...approval.diff.map(({ field, from, to }) => `  ${field}: ${valueText(from)} → ${valueText(to)}`),
    "",
    `hash ${approval.hash}`,
  ].join("\n");

const id = { type: "positional", required: true, description: "the request's id: apr_…" } as const;
const common = { json: jsonArgument, origin: originArgument };

const list = defineCommand({
  meta: { name: "list", description: "List what waits, or what was decided" },
  args: {
    decided: { type: "boolean", default: false, description: "those that do not wait any more" },
    feature: { type: "string", description: "only requests about this feature" },
    ...common,
  },
  run: async ({ args }) => {
    const approvals: Approval[] = [];
    for (let before: number | null = 0; before !== null;) {
      const query = new URLSearchParams({
        limit: "500",
        state: args.decided ? "decided" : "open",
        ...(before === 0 ? {} : { before: String(before) }),
        ...(args.feature === undefined ? {} : { featureId: featureIdArgument(args.feature) }),
      });
      const page: z.infer<typeof Page> = await askFor(
        args.origin,
        { path: `/approvals?${query.toString()}` },
        Page,
      );
      approvals.push(...page.approvals);
      before = page.next;
    }
    if (args.json) return printJson(approvals);
    if (approvals.length === 0) return say(args.decided ? "nothing was decided yet" : "nothing waits");
    return printLine(
      tableText(
        ["ID", "STATE", "CHANGE", "FEATURE", "ASKED BY", "UNTIL", "WHY"],
        approvals.map((approval) => [
          approval.approvalId,
          approval.state,
          approval.change.kind,
          approval.featureIds.join(","),
          plain(approval.askedBy),
          minute(approval.expiresAt),
          plain(approval.reason),
        ]),
      ),
    );
  },
});

const show = defineCommand({
  meta: { name: "show", description: "Show what a request would do to each field, and its hash" },
  args: { id, ...common },
  run: async ({ args }) => {
    const approval = await askFor(args.origin, { path: pathOf(args.id) }, Approval);
    return args.json ? printJson(approval) : printLine(approvalText(approval));
  },
});

const approve = defineCommand({
  meta: { name: "approve", description: "Approve a change, which is carried out at once" },
  args: {
    id,
    hash: {
      type: "string",
      required: true,
      description: "of what you looked at, as `approvals show` has it",
    },
    ...common,
  },
  run: async ({ args }) => {
    const request = { method: "POST", path: pathOf(args.id, "/approve"), body: { hash: args.hash } } as const;
    const approval = await askFor(args.origin, request, Approval);
    if (args.json) return printJson(approval);
    const { revision, scheduleId } = approval.outcome ?? {};
    const what = scheduleId === undefined ? `at revision ${revision ?? "–"}` : `as ${scheduleId}`;
    return printLine(`${args.id} is ${approval.state} ${what}`);
  },
});

const reject = defineCommand({
  meta: { name: "reject", description: "Reject a change" },
  args: {
    id,
    reason: { type: "string", required: true, description: "why; the one who asked reads it" },
    ...common,
  },
  run: async ({ args }) => {
    const request = {
      method: "POST",
      path: pathOf(args.id, "/reject"),
      body: { reason: args.reason },
    } as const;
    const approval = await askFor(args.origin, request, Approval);
    return args.json ? printJson(approval) : printLine(`${args.id} is ${approval.state}`);
  },
});

const withdraw = defineCommand({
  meta: { name: "withdraw", description: "Withdraw a change that you asked for" },
  args: { id, ...common },
  run: async ({ args }) => {
    const request = { method: "POST", path: pathOf(args.id, "/withdraw") } as const;
    const approval = await askFor(args.origin, request, Approval);
    return args.json ? printJson(approval) : printLine(`${args.id} is ${approval.state}`);
  },
});

export const approvalsCommand = defineCommand({
  meta: { name: "approvals", description: "Changes that wait for a second person" },
  subCommands: { list, show, approve, reject, withdraw },
});
