// `sluice status`: every feature with its state, or one feature, waited for until it is decided.
import { setTimeout as sleep } from "node:timers/promises";
import { defineCommand } from "citty";
import { z } from "zod";
import { formatDuration } from "../decide/format.ts";
import { durationArgument, featureIdArgument } from "./arguments.ts";
import { askFor, featurePath, originArgument } from "./ask-origin.ts";
import { UsageError } from "./errors.ts";
import { featureTable, listAll } from "./feature-table.ts";
import { jsonArgument, printJson, printLine, say } from "./print.ts";

const POLL_MS = 1_000;
const ROLLED_BACK = 3;
const TIME_IS_OVER = 4;

const Why = z.looseObject({
  enabled: z.boolean(),
  rolledBackAt: z.string().nullable(),
  summary: z.string(),
  verdict: z.looseObject({ state: z.string() }).nullable(),
});

/** Polls until the feature is kept or closed. */
const waitFor = async (
  origin: string | undefined,
  featureId: string,
  timeoutSeconds: number,
): Promise<{ why: z.infer<typeof Why>; exitCode: number }> => {
  const deadline = performance.now() + timeoutSeconds * 1_000;
  for (;;) {
    const why = await askFor(origin, { path: featurePath(featureId, "/why") }, Why);
    if (why.rolledBackAt !== null || why.verdict?.state === "ROLLBACK") return { why, exitCode: ROLLED_BACK };
    if (why.verdict?.state === "KEEP" || why.verdict?.state === "WATCH") return { why, exitCode: 0 };
    if (performance.now() + POLL_MS > deadline) return { why, exitCode: TIME_IS_OVER };
    await sleep(POLL_MS);
  }
};

export const statusCommand = defineCommand({
  meta: {
    name: "status",
    description: "Show each feature's state, or wait until one is decided",
  },
  args: {
    feature: { type: "positional", required: false, description: "with --wait: the feature to wait for" },
    tag: { type: "string", description: "only features with this tag" },
    owner: { type: "string", description: "only features of this owner" },
    state: { type: "string", description: "only open, closed or rolledBack features" },
    wait: {
      type: "boolean",
      default: false,
      description: `exit 0 once it is kept, ${ROLLED_BACK} if it is rolled back, ${TIME_IS_OVER} if the time is over`,
    },
    timeout: { type: "string", default: "1h", description: "with --wait: 90s, 10m, 2h or 1d" },
    json: jsonArgument,
    origin: originArgument,
  },
  run: async ({ args }) => {
    if (args.wait) {
      if (args.feature === undefined) throw new UsageError("--wait needs a FEATURE");
      const featureId = featureIdArgument(args.feature);
      const timeoutSeconds = durationArgument(args.timeout, "timeout");
      say(`waiting for ${featureId}, at most ${formatDuration(timeoutSeconds)}`);
      const { why, exitCode } = await waitFor(args.origin, featureId, timeoutSeconds);
      if (args.json) printJson(why);
      else printLine(why.summary);
      process.exitCode = exitCode;
      return;
    }
    if (args.feature !== undefined)
      throw new UsageError("a FEATURE goes with --wait; `npx sluice why FEATURE` explains one");
    const features = await listAll(args.origin, { tag: args.tag, owner: args.owner, state: args.state });
    if (args.json) printJson(features);
    else if (features.length === 0) say("there are no features");
    else printLine(featureTable(features));
  },
});
