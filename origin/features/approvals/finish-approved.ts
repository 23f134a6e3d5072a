// Goes on with approved changes whose process died before they were carried out.
import type { Logger } from "../../runtime/log.ts";
import { startPeriodicTask, type PeriodicTask } from "../../runtime/periodic-task.ts";
import type { Approvals } from "./make-approvals.ts";

const EVERY_MS = 5_000;

export const startFinishingApproved = ({
  approvals,
  log,
}: {
  approvals: Pick<Approvals, "finishApproved">;
  log: Pick<Logger, "warn" | "error">;
}): PeriodicTask =>
  startPeriodicTask({
    everyMs: EVERY_MS,
    run: async () => {
      for (const approvalId of await approvals.finishApproved())
        log.warn(
          { approvalId },
          "an approved change was carried out by another process than the one that began",
        );
    },
    onError: (error) =>
      log.error({ err: error }, "approved changes could not be looked for; the next look comes in 5 s"),
  });
