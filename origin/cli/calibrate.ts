// `sluice calibrate FEATURE`: replays a feature's data against other thresholds. Reads the database itself, or asks the
// service when only the service knows the database (the embedded one).
import { defineCommand } from "citty";
import { makePool } from "../db/pool.ts";
import type { FeatureId } from "../../shared/ids.ts";
import { calibrate } from "../evaluate/calibrate.ts";
import { calibrationText } from "../evaluate/calibration-text.ts";
import { featureIdArgument } from "./arguments.ts";
import { askOrigin } from "./ask-origin.ts";

const inDatabase = async (databaseUrl: string, featureId: FeatureId): Promise<string> => {
  const pool = makePool(databaseUrl, {
    max: 1,
    applicationName: "sluice-calibrate",
    onIdleError: () => {},
  });
  try {
    const found = await calibrate(pool, featureId, Date.now() / 1_000);
    if (found === null) throw new Error(`there is no feature ${featureId} with a rule`);
    return calibrationText(found);
  } finally {
    await pool.end();
  }
};

const fromOrigin = async (originUrl: string, featureId: FeatureId): Promise<string> => {
  const path = `/admin/v1/features/${encodeURIComponent(featureId)}/calibration`;
  return (await askOrigin(originUrl, path, "text/plain")).text();
};

export const calibrateCommand = defineCommand({
  meta: {
    name: "calibrate",
    description: "When would this rule have fired, and at which thresholds would it not have?",
  },
  args: {
    feature: { type: "positional", required: true, description: "the feature's id" },
    origin: {
      type: "string",
      default: "http://127.0.0.1:8080",
      description: "the service to ask when DATABASE_URL is not set; needs ADMIN_TOKEN",
    },
  },
  run: async ({ args }) => {
    const featureId = featureIdArgument(args.feature);
    const databaseUrl = process.env["DATABASE_URL"];
    const text =
      databaseUrl === undefined || databaseUrl === ""
        ? await fromOrigin(args.origin, featureId)
        : await inDatabase(databaseUrl, featureId);
    process.stdout.write(`${text}\n`);
  },
});
