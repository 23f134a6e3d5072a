// `npx sluice COMMAND`: each command has a file here and wires the stages that it needs. An error is one line on standard error; errors.ts
// has the exit codes.
import { stripVTControlCharacters } from "node:util";
import { defineCommand, runCommand, runMain } from "citty";
import { calibrateCommand } from "./calibrate.ts";
import { errorText } from "../runtime/error-text.ts";
import { exitCode } from "./errors.ts";
import { planTestCommand } from "./plan-test.ts";
import { previewCommand } from "./preview.ts";
import { auditCommand } from "./audit.ts";
import { enableCommand, rampCommand, rollbackCommand } from "./rollout.ts";
import { statusCommand } from "./status.ts";
import { tokensCommand } from "./tokens.ts";
import { watchCommand } from "./watch.ts";
import { whyCommand } from "./why.ts";

const serve = defineCommand({
  meta: { name: "serve", description: "Run the origin; configured by the environment" },
  run: async () => {
    await import("../main.ts");
  },
});

const sluice = defineCommand({
  meta: { name: "sluice", description: "An edge feature gate that closes itself" },
  subCommands: {
    serve,
    status: statusCommand,
    why: whyCommand,
    watch: watchCommand,
    rollback: rollbackCommand,
    enable: enableCommand,
    ramp: rampCommand,
    tokens: tokensCommand,
    preview: previewCommand,
    audit: auditCommand,
    calibrate: calibrateCommand,
    "plan-test": planTestCommand,
  },
});

const rawArgs = process.argv.slice(2);
if (rawArgs.length === 0 || rawArgs.some((arg) => arg === "--help" || arg === "-h")) {
  await runMain(sluice, { rawArgs: rawArgs.length === 0 ? ["--help"] : rawArgs });
} else {
  try {
    await runCommand(sluice, { rawArgs });
  } catch (error) {
    process.exitCode = exitCode(error);
    process.stderr.write(`sluice: ${stripVTControlCharacters(errorText(error))}\n`);
    if (process.exitCode === 2) process.stderr.write("`npx sluice COMMAND --help` shows how it is used.\n");
  }
}
