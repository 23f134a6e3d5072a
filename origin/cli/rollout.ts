// `sluice rollback`, `enable` and `ramp`: what a person does to a feature at night.
import { randomUUID } from "node:crypto";
import { defineCommand } from "citty";
import { z } from "zod";
import { formatBps } from "../decide/format.ts";
import { bpsArgument, featureIdArgument } from "./arguments.ts";
import { askFor, featurePath, originArgument } from "./ask-origin.ts";
import { UsageError } from "./errors.ts";
import { jsonArgument, printJson, printLine } from "./print.ts";

const Feature = z.looseObject({
  featureId: z.string(),
  enabled: z.boolean(),
  rolloutBps: z.number(),
  revision: z.number(),
});
const Closed = z.object({
  revision: z.number().nullable(),
  features: z.array(z.looseObject({ featureId: z.string() })),
});

const reason = { type: "string", required: true, description: "why; it goes into the audit" } as const;
/** A broken connection may be tried again: the origin carries it out once. */
const once = () => ({ "idempotency-key": randomUUID() });

const changeFeature = (origin: string | undefined, path: string, body: object) =>
  askFor(origin, { method: "POST", path, body, headers: once() }, Feature);

export const rollbackCommand = defineCommand({
  meta: { name: "rollback", description: "Close a feature, or all with a tag, now" },
  args: {
    feature: { type: "positional", required: false, description: "the feature's id" },
    tag: { type: "string", description: "close all features with this tag instead" },
    reason,
    json: jsonArgument,
    origin: originArgument,
  },
  run: async ({ args }) => {
    if ((args.feature === undefined) === (args.tag === undefined))
      throw new UsageError("name a FEATURE or a --tag, and not both");
    if (args.tag !== undefined) {
      const body = { tag: args.tag, reason: args.reason };
      const request = { method: "POST", path: "/rollback", body, headers: once() } as const;
      const closed = await askFor(args.origin, request, Closed);
      const names = closed.features.map(({ featureId }) => featureId);
      if (args.json) printJson(closed);
      else if (closed.revision === null) printLine(`nothing with the tag ${args.tag} was open`);
      else printLine(`closed at revision ${closed.revision}: ${names.join(", ")}`);
      return;
    }
    const featureId = featureIdArgument(args.feature ?? "");
    const path = featurePath(featureId, "/rollback");
    const changed = await changeFeature(args.origin, path, { reason: args.reason });
    if (args.json) printJson(changed);
    else printLine(`${featureId} is closed at revision ${changed.revision}`);
  },
});

export const enableCommand = defineCommand({
  meta: { name: "enable", description: "Open a feature; its evidence starts from nothing" },
  args: {
    feature: { type: "positional", required: true, description: "the feature's id" },
    rollout: { type: "string", description: "who gets it, such as 25%; else what it was" },
    holdout: { type: "string", description: "who is kept without it, such as 25%" },
    reason,
    json: jsonArgument,
    origin: originArgument,
  },
  run: async ({ args }) => {
    const featureId = featureIdArgument(args.feature);
    const changed = await changeFeature(args.origin, featurePath(featureId, "/enable"), {
      reason: args.reason,
      ...(args.rollout === undefined ? {} : { rolloutBps: bpsArgument(args.rollout, "rollout") }),
      ...(args.holdout === undefined ? {} : { holdoutBps: bpsArgument(args.holdout, "holdout") }),
    });
    if (args.json) printJson(changed);
    else
      printLine(`${featureId} is open for ${formatBps(changed.rolloutBps)} at revision ${changed.revision}`);
  },
});

const Ramp = z.looseObject({ featureId: z.string(), paused: z.boolean() });

export const rampCommand = defineCommand({
  meta: { name: "ramp", description: "Pause a feature's ramp, or let it go on" },
  args: {
    feature: { type: "positional", required: true, description: "the feature's id" },
    pause: { type: "boolean", default: false, description: "stay at the present stage" },
    resume: { type: "boolean", default: false, description: "go on" },
    reason,
    json: jsonArgument,
    origin: originArgument,
  },
  run: async ({ args }) => {
    if (args.pause === args.resume) throw new UsageError("say --pause or --resume");
    const featureId = featureIdArgument(args.feature);
    const request = {
      method: "POST",
      path: featurePath(featureId, "/ramp"),
      body: { paused: args.pause, reason: args.reason },
      headers: once(),
    } as const;
    const ramp = await askFor(args.origin, request, Ramp);
    if (args.json) printJson(ramp);
    else printLine(`the ramp of ${featureId} ${ramp.paused ? "is paused" : "goes on"}`);
  },
});
