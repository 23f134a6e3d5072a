// `sluice schedule` plans a change of a feature for a time; `sluice schedules` lists what is planned, and cancels.
import { randomUUID } from "node:crypto";
import { stripVTControlCharacters } from "node:util";
import { defineCommand } from "citty";
import { z } from "zod";
import { formatBps } from "../decide/format.ts";
import { bpsArgument, durationArgument, featureIdArgument } from "./arguments.ts";
import { askFor, originArgument } from "./ask-origin.ts";
import { UsageError } from "./errors.ts";
import { jsonArgument, printJson, printLine, say, tableText } from "./print.ts";

const Schedule = z.looseObject({
  scheduleId: z.string(),
  featureId: z.string(),
  change: z.looseObject({
    kind: z.string(),
    shares: z.looseObject({ rolloutBps: z.number().optional() }).optional(),
  }),
  at: z.string(),
  localTime: z.string(),
  zone: z.string(),
  state: z.string(),
  note: z.string().nullable(),
  madeBy: z.string(),
});
type Schedule = z.infer<typeof Schedule>;
const Page = z.object({ schedules: z.array(Schedule), next: z.number().nullable() });

const common = { json: jsonArgument, origin: originArgument };
const utc = (time: string): string => `${time.slice(0, 19).replace("T", " ")} UTC`;

/** As a person says it. */
const VERBS: Readonly<Record<string, string>> = { enable: "open", rollback: "close", rollout: "ramp" };
const changeText = ({ kind, shares }: Schedule["change"]): string =>
  [VERBS[kind] ?? kind, ...(shares?.rolloutBps === undefined ? [] : [formatBps(shares.rolloutBps)])].join(
    " ",
  );

const changeOf = (
  action: string,
  share: string | undefined,
  holdout: string | undefined,
): Record<string, unknown> => {
  const kept = holdout === undefined ? {} : { holdoutBps: bpsArgument(holdout, "holdout") };
  switch (action) {
    case "open":
      return {
        kind: "enable",
        ...(share === undefined ? {} : { rolloutBps: bpsArgument(share, "SHARE") }),
        ...kept,
      };
    case "ramp":
      if (share === undefined) throw new UsageError("say to which share: ramp 25%");
      return { kind: "rollout", rolloutBps: bpsArgument(share, "SHARE"), ...kept };
    case "close":
      if (share !== undefined || holdout !== undefined) throw new UsageError("close takes no share");
      return { kind: "rollback" };
    default:
      throw new UsageError("ACTION must be open, close or ramp");
  }
};

export const scheduleCommand = defineCommand({
  meta: { name: "schedule", description: "Open, close or ramp a feature at a time" },
  args: {
    feature: { type: "positional", required: true, description: "the feature's id" },
    action: { type: "positional", required: true, description: "open, close or ramp" },
    share: { type: "positional", required: false, description: "who gets it then, such as 25%" },
    at: { type: "string", required: true, description: "on the clocks of the zone: 2027-12-01T09:00" },
    zone: { type: "string", required: true, description: "such as Europe/Berlin or UTC" },
    holdout: { type: "string", description: "who is kept without it, such as 10%" },
    grace: { type: "string", description: "so much later it is still done after a downtime; else 1h" },
    reason: { type: "string", required: true, description: "why; it goes into the audit" },
    force: { type: "boolean", default: false, description: "without the second person, as an admin" },
    ...common,
  },
  run: async ({ args }) => {
    const body = {
      featureId: featureIdArgument(args.feature),
      change: changeOf(args.action, args.share, args.holdout),
      at: args.at,
      zone: args.zone,
      reason: args.reason,
      ...(args.grace === undefined ? {} : { graceSeconds: Math.ceil(durationArgument(args.grace, "grace")) }),
    };
    const path = args.force ? "/schedules?force=true" : "/schedules";
    const headers = { "idempotency-key": randomUUID() };
    const made = await askFor(args.origin, { method: "POST", path, body, headers }, Schedule);
    if (args.json) return printJson(made);
    return printLine(
      `${made.scheduleId}: ${changeText(made.change)} ${made.featureId} at ${made.localTime} ${made.zone}, which is ${utc(made.at)}`,
    );
  },
});

const listAll = async (
  origin: string | undefined,
  given: { featureId: string | undefined; state: string },
): Promise<Schedule[]> => {
  const schedules: Schedule[] = [];
  for (let before: number | null = 0; before !== null;) {
    const query = new URLSearchParams({
      limit: "500",
      ...(before === 0 ? {} : { before: String(before) }),
      ...(given.state === "all" ? {} : { state: given.state }),
      ...(given.featureId === undefined ? {} : { featureId: given.featureId }),
    });
    const page: z.infer<typeof Page> = await askFor(origin, { path: `/schedules?${query.toString()}` }, Page);
    schedules.push(...page.schedules);
    before = page.next;
  }
  // The API has the newest first; those of one time are carried out in the order in which they were made.
  return schedules.toReversed().toSorted((a, b) => a.at.localeCompare(b.at));
};

export const schedulesCommand = defineCommand({
  meta: { name: "schedules", description: "List what is planned, by its time, or cancel a schedule" },
  args: {
    feature: { type: "string", description: "only schedules of this feature" },
    state: { type: "string", default: "planned", description: "planned, finished or all" },
    cancel: { type: "string", valueHint: "ID", description: "cancel this schedule instead" },
    ...common,
  },
  run: async ({ args }) => {
    if (args.cancel !== undefined) {
      if (!/^sch_[0-9a-f]+$/.test(args.cancel))
        throw new UsageError("--cancel must be an ID as `schedules` shows it: sch_…");
      const request = { method: "DELETE", path: `/schedules/${args.cancel}` } as const;
      const cancelled = await askFor(args.origin, request, Schedule);
      return args.json ? printJson(cancelled) : printLine(`${cancelled.scheduleId} is cancelled`);
    }
    if (!["planned", "finished", "all"].includes(args.state))
      throw new UsageError("--state must be planned, finished or all");
    const featureId = args.feature === undefined ? undefined : featureIdArgument(args.feature);
    const schedules = await listAll(args.origin, { featureId, state: args.state });
    if (args.json) return printJson(schedules);
    if (schedules.length === 0) return say("there are no such schedules");
    return printLine(
      tableText(
        ["ID", "FEATURE", "CHANGE", "AT", "UTC", "STATE", "NOTE"],
        schedules.map((schedule) => [
          schedule.scheduleId,
          schedule.featureId,
          changeText(schedule.change),
          `${schedule.localTime} ${schedule.zone}`,
          utc(schedule.at),
          schedule.state,
          stripVTControlCharacters(schedule.note ?? ""),
        ]),
      ),
    );
  },
});
