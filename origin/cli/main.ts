// `npx sluice COMMAND`: each command lives in the stage that it serves.
import { defineCommand, runMain } from "citty";
import { calibrateCommand } from "./calibrate.ts";
import { planTestCommand } from "./plan-test.ts";
import { previewCommand } from "./preview.ts";
import { auditCommand } from "./audit.ts";

const serve = defineCommand({
  meta: { name: "serve", description: "Run the origin; configured by the environment" },
  run: async () => {
    await import("../main.ts");
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
