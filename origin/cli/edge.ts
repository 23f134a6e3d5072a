// `sluice edge deploy`: uploads the Worker by wrangler, after it has looked at what the Worker needs. A Worker with a wrong
// variable would serve the site without Sluice.
import { access } from "node:fs/promises";
import { dirname, join } from "node:path";
import { defineCommand } from "citty";
import { moduleUrl } from "../runtime/place.ts";
import { UsageError } from "./errors.ts";
import { printLine, say } from "./print.ts";
import { requireLocalPrograms } from "./run.ts";

export type EdgeDeployment = {
  /** The Worker's wrangler.toml. */
  readonly config: string;
  /** Lines NAME=value; null: the Worker has its secrets already. */
  readonly secretsFile: string | null;
  readonly dryRun: boolean;
};

/** `problems`: one line each; nothing was uploaded then. `code`: that of wrangler. */
export type EdgeDeploymentResult =
  | { readonly ok: true; readonly code: number }
  | { readonly ok: false; readonly problems: readonly string[] };

type Deploy = (deployment: EdgeDeployment) => Promise<EdgeDeploymentResult>;

const exists = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** As `sluice init` has written it, beside the configuration. */
const besideConfig = async (config: string): Promise<string | null> => {
  const file = join(dirname(config), "worker.env");
  return (await exists(file)) ? file : null;
};

const deploy = defineCommand({
  meta: { name: "deploy", description: "Check the Worker's configuration, then deploy it with wrangler" },
  args: {
    config: {
      type: "string",
      valueHint: "FILE",
      default: "wrangler.toml",
      description: "the Worker's configuration, as `init` writes it",
    },
    secrets: {
      type: "string",
      valueHint: "FILE",
      description:
        "secrets as NAME=value lines, uploaded with the Worker; else worker.env beside the configuration",
    },
    "dry-run": {
      type: "boolean",
      default: false,
      description: "check and bundle, and upload nothing; asks Cloudflare nothing",
    },
  },
  run: async ({ args }) => {
    requireLocalPrograms(["wrangler"]);
    const { config } = args;
    for (const file of [config, args.secrets])
      if (file !== undefined && !(await exists(file))) throw new UsageError(`there is no file ${file}`);
    const secretsFile = args.secrets ?? (await besideConfig(config));
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- found by its file: the origin imports nothing of it
    const { deployEdge } = (await import(
      moduleUrl("../../scripts/edge-deploy/deploy", import.meta.url).href
    )) as {
      deployEdge: Deploy;
    };
    const result = await deployEdge({ config, secretsFile, dryRun: args["dry-run"] });
    if (result.ok) {
      process.exitCode = result.code;
      if (result.code === 0)
        printLine(args["dry-run"] ? "the Worker can be deployed" : "the Worker is deployed");
      return;
    }
    for (const problem of result.problems) say(problem);
    throw new UsageError(`the Worker is not deployed: ${config} lacks what the lines above say`);
  },
});

export const edgeCommand = defineCommand({
  meta: { name: "edge", description: "The Worker at Cloudflare" },
  subCommands: { deploy },
});
