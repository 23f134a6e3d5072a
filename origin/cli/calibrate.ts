// `sluice calibrate FEATURE`: replays a feature's data against other thresholds. Reads the database itself, or asks the
// service when only the service knows the database (the embedded one).
import { defineCommand } from "citty";
import { makePool } from "../db/pool.ts";
import { FeatureId } from "../../shared/ids.ts";
import { calibrate } from "../evaluate/calibrate.ts";
import { calibrationText } from "../evaluate/calibration-text.ts";

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

const fromService = async (originUrl: string, token: string, featureId: FeatureId): Promise<string> => {
  const url = new URL(`/admin/v1/features/${encodeURIComponent(featureId)}/calibration`, originUrl);
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}`, accept: "text/plain" } });
  if (!response.ok) throw new Error(`${url.origin} answers ${response.status}: ${await response.text()}`);
  return response.text();
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
    const featureId = FeatureId.parse(args.feature);
    const databaseUrl = process.env["DATABASE_URL"];
    const text =
      databaseUrl === undefined || databaseUrl === ""
        ? await fromService(args.origin, process.env["ADMIN_TOKEN"] ?? "", featureId)
        : await inDatabase(databaseUrl, featureId);
    process.stdout.write(`${text}\n`);
  },
});
