// Looks for due schedules several times a second.
import type { Logger } from "../../runtime/log.ts";
import { startPeriodicTask, type PeriodicTask } from "../../runtime/periodic-task.ts";
import type { Schedules } from "./make-schedules.ts";

const EVERY_MS = 250;

export const startSchedules = ({
  schedules,
  log,
}: {
  schedules: Pick<Schedules, "carryOutDue">;
  log: Pick<Logger, "info" | "warn" | "error">;
}): PeriodicTask => {
  let isFailing = false;
  return startPeriodicTask({
    everyMs: EVERY_MS,
    run: async () => {
      const finished = await schedules.carryOutDue((error, scheduleId) =>
        log.error({ err: error, scheduleId }, "a schedule could not be carried out; it is tried again"),
      );
      isFailing = false;
      for (const { scheduleId, featureId, state, note } of finished)
        log[state === "done" ? "info" : "warn"](
          { scheduleId, featureId, state, note },
          "the time of a schedule has come",
        );
    },
    onError: (error) => {
      if (!isFailing)
        log.error(
          { err: error },
          "due schedules cannot be read; they are carried out when the database is back",
        );
      isFailing = true;
    },
  });
};
