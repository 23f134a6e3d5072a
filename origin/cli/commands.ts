// All commands of `npx sluice`, each from a file here. Help and completion are made of this tree.
import { defineCommand } from "citty";
import { annotateCommand } from "./annotate.ts";
import { auditCommand } from "./audit.ts";
import { backupCommand, restoreCommand } from "./backup.ts";
import { capacityCommand } from "./capacity.ts";
import { calibrateCommand } from "./calibrate.ts";
import { completionCommand } from "./completion.ts";
import { applyCommand, driftCommand, planCommand, validateCommand } from "./config-files.ts";
import { edgeCommand } from "./edge.ts";
import { evaluateCommand } from "./evaluate.ts";
import { exportCommand } from "./export.ts";
import { doctorCommand } from "./doctor.ts";
import { importCommand } from "./import.ts";
import { initCommand } from "./init.ts";
import { approvalsCommand } from "./approvals.ts";
import { forgetCommand } from "./forget.ts";
import { hooksCommand } from "./hooks.ts";
import { loginCommand, logoutCommand } from "./login.ts";
import { mcpCommand } from "./mcp.ts";
import { notificationsCommand } from "./notifications.ts";
import { partitionsCommand } from "./partitions.ts";
import { planTestCommand } from "./plan-test.ts";
import { migrateCommand } from "./migrate.ts";
import { previewCommand } from "./preview.ts";
import { secretsCommand } from "./secrets.ts";
import { receiptCommand } from "./receipt.ts";
import { scheduleCommand, schedulesCommand } from "./schedules.ts";
import { reviewCommand } from "./review.ts";
import { enableCommand, rampCommand, rollbackCommand } from "./rollout.ts";
import { demoCommand, originCommand, serveCommand, startCommand } from "./run.ts";
import { segmentsCommand } from "./segments.ts";
import { statusCommand } from "./status.ts";
import { tokensCommand } from "./tokens.ts";
import { watchCommand } from "./watch.ts";
import { whyCommand } from "./why.ts";

export const sluice = defineCommand({
  meta: { name: "sluice", description: "An edge feature gate that closes itself" },
  subCommands: {
    init: initCommand,
    login: loginCommand,
    logout: logoutCommand,
    start: startCommand,
    demo: demoCommand,
    origin: originCommand,
    serve: serveCommand,
    edge: edgeCommand,
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
    annotate: annotateCommand,
    approvals: approvalsCommand,
    review: reviewCommand,
    forget: forgetCommand,
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
    partitions: partitionsCommand,
    migrate: migrateCommand,
    secrets: secretsCommand,
    backup: backupCommand,
    restore: restoreCommand,
    calibrate: calibrateCommand,
    "plan-test": planTestCommand,
    capacity: capacityCommand,
    mcp: mcpCommand,
    completion: completionCommand,
  },
});
