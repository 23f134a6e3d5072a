// `sluice calibrate FEATURE`: replays a feature's data against other thresholds.
import { defineCommand } from "citty";
import type { Queryable } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { calibrate } from "../evaluate/calibrate.ts";
import { calibrationText } from "../evaluate/calibration-text.ts";
import { featureIdArgument } from "./arguments.ts";
import { askOrigin, featurePath, originArgument } from "./ask-origin.ts";
import { readFrom } from "./read-source.ts";

const inDatabase = async (db: Queryable, featureId: FeatureId): Promise<string> => {
  const found = await calibrate(db, featureId, Date.now() / 1_000);
  if (found === null) throw new Error(`there is no feature ${featureId} with a rule`);
  return calibrationText(found);
};

const fromOrigin = async (originUrl: string | undefined, featureId: FeatureId): Promise<string> => {
  const request = { path: featurePath(featureId, "/calibration"), headers: { accept: "text/plain" } };
  return (await askOrigin(originUrl, request)).text();
};

export const calibrateCommand = defineCommand({
  meta: {
    name: "calibrate",
    description: "When would this rule have fired, and at which thresholds would it not have?",
  },
  args: {
    feature: { type: "positional", required: true, description: "the feature's id" },
    origin: originArgument,
  },
  run: async ({ args }) => {
    const featureId = featureIdArgument(args.feature);
    const text = await readFrom({
      applicationName: "sluice-calibrate",
      database: (db) => inDatabase(db, featureId),
      origin: () => fromOrigin(args.origin, featureId),
    });
    process.stdout.write(`${text}\n`);
  },
});
