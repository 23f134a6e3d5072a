// Tools that change what visitors get. Each needs a reason; the audit has it with the token's name.
import { z } from "zod";
import { Bps, FeatureId } from "../../shared/ids.ts";
import { ok } from "../../shared/result.ts";
import { askFor, askToChange, featurePath, type Ask } from "./ask.ts";
import { Feature } from "./documents.ts";
import { changingTool, type Tool } from "./tool.ts";

const reason = z.string().trim().min(1).max(2_000).describe("Why, for the people who read the audit.");
const OneFeature = z.strictObject({
  featureId: FeatureId.describe("The feature's id."),
  reason,
  version: z
    .number()
    .int()
    .min(1)
    .optional()
    .describe("The version that you have read: the change is refused if somebody has changed it since."),
});
const rolloutBps = Bps.describe("Who gets it, in basis points: 2500 is 25 %.");
const holdoutBps = Bps.optional().describe("Who is kept without it for comparison, in basis points.");

const Changed = Feature.pick({
  featureId: true,
  version: true,
  enabled: true,
  rolloutBps: true,
  holdoutBps: true,
  epoch: true,
  revision: true,
});

const Outcome = z.object({
  feature: Changed.nullable().describe("As it is now; null: nothing is changed yet."),
  approvalId: z
    .string()
    .nullable()
    .describe("The change waits for the approval of a second person under this id. Do not try again."),
  warnings: z.array(z.string()),
});

const change = async (
  ask: Ask,
  action: "rollback" | "enable" | "rollout" | "trial",
  { featureId, version, ...body }: { featureId: string; version?: number | undefined },
  text: (changed: z.output<typeof Changed>) => string,
) => {
  const headers = version === undefined ? {} : { "if-match": `"${version}"` };
  const path = featurePath(featureId, `/${action}`);
  const answer = Changed.extend({ warnings: z.array(z.string()).default([]) });
  const outcome = await askToChange(ask, { method: "POST", path, headers, body }, answer);
  if (!outcome.ok) return outcome;
  if ("approvalId" in outcome.value) {
    const { approvalId } = outcome.value;
    return ok({
      text: `Nothing is changed yet: it waits for the approval of a second person, ${approvalId}.`,
      data: { feature: null, approvalId, warnings: [] },
    });
  }
  const { warnings, ...feature } = outcome.value.changed;
  return ok({
    text: `${text(feature)} at revision ${feature.revision}.`,
    data: { feature, approvalId: null, warnings },
  });
};

const rollbackFeature = changingTool(
  {
    name: "rollback_feature",
    title: "Roll a feature back",
    description:
      "Closes a feature for everybody, and all that require it, within a second. It stays closed until a person opens it.",
    input: OneFeature,
    output: Outcome,
    answer: (ask, input) =>
      change(ask, "rollback", input, ({ featureId }) => `${featureId} is closed for everybody`),
  },
  { idempotent: true },
);

const rollbackTag = changingTool(
  {
    name: "rollback_tag",
    title: "Roll back all features with a tag",
    description: "Closes all features with a tag for everybody, at once.",
    input: z.strictObject({ tag: z.string().min(1).max(64), reason }),
    output: z.object({
      revision: z.number().nullable().describe("null: none of them was open."),
      features: z.array(z.object({ featureId: z.string() })),
    }),
    answer: async (ask, body) => {
      const Closed = z.object({
        revision: z.number().nullable(),
        features: z.array(z.object({ featureId: z.string() })),
      });
      const closed = await askFor(ask, { method: "POST", path: "/rollback", body }, Closed);
      return closed.ok
        ? ok({ text: `${closed.value.features.length} features were closed.`, data: closed.value })
        : closed;
    },
  },
  { idempotent: true },
);

const enableFeature = changingTool(
  {
    name: "enable_feature",
    title: "Open a feature",
    description:
      "Opens a closed feature. Its evidence starts from nothing. Without rolloutBps it goes back to the rollout of before its rollback.",
    input: OneFeature.extend({ rolloutBps: rolloutBps.optional(), holdoutBps }),
    output: Outcome,
    answer: (ask, input) =>
      change(ask, "enable", input, (now) => `${now.featureId} is open for ${now.rolloutBps} of 10000 bps`),
  },
  { idempotent: false },
);

const setRollout = changingTool(
  {
    name: "set_rollout",
    title: "Change how many get a feature",
    description:
      "Raises or lowers a feature's rollout. Lowering it takes the feature from people who have it.",
    input: OneFeature.extend({ rolloutBps, holdoutBps }),
    output: Outcome,
    answer: (ask, input) =>
      change(
        ask,
        "rollout",
        input,
        (now) => `${now.featureId} has a rollout of ${now.rolloutBps} of 10000 bps`,
      ),
  },
  { idempotent: true },
);

const restartTrial = changingTool(
  {
    name: "restart_trial",
    title: "Start a trial over",
    description:
      "Lets an open feature's evidence start from nothing, as after a change of the code behind it. The rollout stays.",
    input: OneFeature,
    output: Outcome,
    answer: (ask, input) =>
      change(ask, "trial", input, ({ featureId }) => `the trial of ${featureId} starts over`),
  },
  { idempotent: false },
);

export const changingTools: readonly Tool[] = [
  rollbackFeature,
  rollbackTag,
  enableFeature,
  setRollout,
  restartTrial,
];
