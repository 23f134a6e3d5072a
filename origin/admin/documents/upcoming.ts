// What is planned for a feature, as its other documents show it.
import { z } from "@hono/zod-openapi";
import type { ShownSchedule } from "../../features/schedules/schedule.ts";
import { Time } from "./common.ts";

/** As other documents show what is planned for a feature. */
export const UpcomingDocument = z
  .array(
    z.object({
      scheduleId: z.string(),
      at: Time,
      localTime: z.string(),
      zone: z.string(),
      change: z.looseObject({ kind: z.string() }),
      madeBy: z.string(),
    }),
  )
  .openapi({ description: "Schedules that are planned, the next first." });

export const upcomingDocument = ({ scheduleId, at, localTime, zone, change, madeBy }: ShownSchedule) => ({
  scheduleId,
  at,
  localTime,
  zone,
  change,
  madeBy,
});
