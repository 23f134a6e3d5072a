// `npx sluice COMMAND`: each command lives in the stage that it serves.
import { defineCommand, runMain } from "citty";
import { calibrateCommand } from "./evaluate/calibrate-command.ts";
import { planTestCommand } from "./evaluate/plan-test-command.ts";
import { previewCommand } from "./push/preview-command.ts";
import { auditCommand } from "./rollback/audit-command.ts";

const serve = defineCommand({
  meta: { name: "serve", description: "Run the origin; configured by the environment" },
  run: async () => {
    await import("./main.ts");
  },
});

await runMain(
  defineCommand({
    meta: { name: "sluice", description: "An edge feature gate that closes itself" },
    subCommands: {
      serve,
      preview: previewCommand,
      audit: auditCommand,
      calibrate: calibrateCommand,
      "plan-test": planTestCommand,
    },
  }),
);
