// All commands of `npx sluice`, each from a file here. Help and completion are made of this tree.
import { defineCommand } from "citty";
import { auditCommand } from "./audit.ts";
import { calibrateCommand } from "./calibrate.ts";
import { completionCommand } from "./completion.ts";
import { UsageError } from "./errors.ts";
import { applyCommand, driftCommand, planCommand, validateCommand } from "./config-files.ts";
import { evaluateCommand } from "./evaluate.ts";
import { exportCommand } from "./export.ts";
import { doctorCommand } from "./doctor.ts";
import { importCommand } from "./import.ts";
import { initCommand } from "./init.ts";
import { approvalsCommand } from "./approvals.ts";
import { hooksCommand } from "./hooks.ts";
import { loginCommand, logoutCommand } from "./login.ts";
import { mcpCommand } from "./mcp.ts";
import { notificationsCommand } from "./notifications.ts";
import { planTestCommand } from "./plan-test.ts";
import { previewCommand } from "./preview.ts";
import { receiptCommand } from "./receipt.ts";
import { scheduleCommand, schedulesCommand } from "./schedules.ts";
import { reviewCommand } from "./review.ts";
import { enableCommand, rampCommand, rollbackCommand } from "./rollout.ts";
import { segmentsCommand } from "./segments.ts";
import { statusCommand } from "./status.ts";
import { tokensCommand } from "./tokens.ts";
import { watchCommand } from "./watch.ts";
import { whyCommand } from "./why.ts";

const loadEnvironment = (file: string): void => {
  try {
    process.loadEnvFile(file);
  } catch (cause) {
    throw new UsageError(`--variables ${file} cannot be read`, { cause });
  }
};

const serve = defineCommand({
  meta: { name: "serve", description: "Run the origin; configured by the environment" },
  args: {
    variables: {
      type: "string",
      valueHint: "FILE",
      description: "variables as NAME=value lines; the environment's own count more",
    },
  },
  run: async ({ args }) => {
    const file = args.variables;
    if (file !== undefined) loadEnvironment(file);
    await import("../main.ts");
  },
});

export const sluice = defineCommand({
  meta: { name: "sluice", description: "An edge feature gate that closes itself" },
  subCommands: {
    init: initCommand,
    login: loginCommand,
    logout: logoutCommand,
    serve,
    status: statusCommand,
    why: whyCommand,
    watch: watchCommand,
    rollback: rollbackCommand,
    enable: enableCommand,
    ramp: rampCommand,
    evaluate: evaluateCommand,
    segments: segmentsCommand,
    receipt: receiptCommand,
    schedule: scheduleCommand,
    schedules: schedulesCommand,
    approvals: approvalsCommand,
    review: reviewCommand,
    tokens: tokensCommand,
    hooks: hooksCommand,
    notifications: notificationsCommand,
    doctor: doctorCommand,
    validate: validateCommand,
    plan: planCommand,
    apply: applyCommand,
    export: exportCommand,
    drift: driftCommand,
    import: importCommand,
    preview: previewCommand,
    audit: auditCommand,
    calibrate: calibrateCommand,
    "plan-test": planTestCommand,
    mcp: mcpCommand,
    completion: completionCommand,
  },
});
