// `sluice calibrate FEATURE`: replays a feature's data against other thresholds.
import { defineCommand } from "citty";
import { featureIdArgument } from "./arguments.ts";
import { askOrigin, featurePath, originArgument } from "./ask-origin.ts";
import { jsonArgument, printJson, printLine } from "./print.ts";

/** Ninety days of a large feature take a while. */
const WITHIN_MS = 300_000;

export const calibrateCommand = defineCommand({
  meta: {
    name: "calibrate",
    description: "When would this rule have fired, and at which thresholds would it not have?",
  },
  args: {
    feature: { type: "positional", required: true, description: "the feature's id" },
    json: jsonArgument,
    origin: originArgument,
  },
  run: async ({ args }) => {
    const path = featurePath(featureIdArgument(args.feature), "/calibration");
    const accept = args.json ? "application/json" : "text/plain";
    const answer = await askOrigin(args.origin, { path, headers: { accept }, withinMs: WITHIN_MS });
    if (args.json) printJson(await answer.json());
    else printLine(await answer.text());
  },
});
