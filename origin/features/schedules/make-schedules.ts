// Schedules: makes, lists and cancels them, and carries out those that are due. Any number of processes may do so: each due
// schedule is in the hands of one, and its change has its effect once whoever goes on with it.
import { randomBytes } from "node:crypto";
import type { Pool } from "../../db/pool.ts";
import { errorText } from "../../runtime/error-text.ts";
import type { FeatureId } from "../../../shared/ids.ts";
import { err, type Err } from "../../../shared/result.ts";
import type { ChangeError } from "../change-error.ts";
import type { FeatureChanges } from "../change-feature.ts";
import type { Attribution } from "../change-steps.ts";
import { checkPermission, type ChangeGuard, type Hold } from "../change-guard.ts";
import { readPolicy } from "../approvals/approval-policy.ts";
import { actorOf, type ProposedSchedule, type Schedule, type ShownSchedule } from "./schedule.ts";
import {
  cancelSchedule,
  claimDue,
  databaseNow,
  finishSchedule,
  getSchedule,
  insertSchedule,
  listSchedules,
  listUpcoming,
  noteAttempt,
  type Due,
  type ScheduleQuery,
} from "./schedule-rows.ts";
import { findCarriedOut, findOverruling } from "./since-made.ts";
import { instantOf } from "./zoned-time.ts";
import { refusalOf } from "./skip-reason.ts";

/** Claimed at once by one process. */
const MOST_DUE = 20;

export type Schedules = ReturnType<typeof makeSchedules>;

export const makeSchedules = ({
  pool,
  changes,
}: {
  pool: Pool;
  changes: Pick<FeatureChanges, "changeFeature">;
}) => {
  const overruled = async (schedule: Schedule): Promise<Err<ChangeError> | undefined> => {
    if (schedule.change.kind === "rollback") return undefined;
    const found = await findOverruling(pool, schedule);
    return found === null ? undefined : err({ ...found, reason: "overruled", why: found.reason });
  };

  /** Asked of the versions that the change is committed on, so that a rollback of the same moment is seen. */
  const guardOf =
    (schedule: Schedule): ChangeGuard =>
    async (prepared) => {
      const passes: ReadonlySet<Hold> = new Set(schedule.permission === null ? [] : ["approvalNeeded"]);
      const { tags: approvalTags } = await readPolicy(pool);
      return (
        (await overruled(schedule)) ?? checkPermission(prepared, { ownTags: null, approvalTags, passes })
      );
    };

  const finish = async (
    schedule: Due,
    change: Parameters<typeof finishSchedule>[2],
  ): Promise<ShownSchedule | null> => finishSchedule(pool, schedule.scheduleId, change);

  const carryOut = async (due: Due): Promise<ShownSchedule | null> => {
    const { change, changeId, scheduleId, madeBy, baseVersion, graceSeconds, lateSeconds, permission } = due;
    const late = `${lateSeconds.toFixed(1)} s after its time`;
    if (lateSeconds > graceSeconds) {
      const carried = await findCarriedOut(pool, due);
      if (carried !== null)
        return finish(due, { state: "done", note: "carried out; noted later", outcome: carried });
      const note = `${late}, and only ${graceSeconds} s are allowed: no origin could carry it out in time`;
      return finish(due, { state: "skipped", note, outcome: { reason: "late", lateSeconds } });
    }
    const by: Attribution = { actor: actorOf(due), reason: due.reason };
    const details = { schedule: { scheduleId, madeBy, baseVersion, ...permission } };
    const done = await changes.changeFeature(change, by, { changeId, details, guard: guardOf(due) });
    if (done.ok) {
      const { revision, features } = done.value;
      const version = features[0]?.version ?? null;
      const hasMoved = version !== null && version !== baseVersion + 1;
      const note = hasMoved
        ? `carried out ${late}, on version ${version - 1} of the feature and not ${baseVersion}, for which it was made`
        : `carried out ${late}`;
      return finish(due, { state: "done", note, outcome: { revision, version, lateSeconds } });
    }
    // A feature that a rollback closed is refused as closed before the guard is asked.
    const error = (await overruled(due))?.error ?? done.error;
    const { state, note } = refusalOf(error);
    return finish(due, { state, note, outcome: { reason: error.reason, lateSeconds } });
  };

  /** Of a newer version. */
  const unreadable = new Set<string>();

  return {
    /** The id is new, unless one is given: then the schedule is made once. */
    makeSchedule: (given: {
      schedule: ProposedSchedule;
      baseVersion: number;
      by: Attribution;
      permission: object | null;
    }) =>
      insertSchedule(pool, {
        scheduleId: `sch_${randomBytes(9).toString("hex")}`,
        schedule: given.schedule,
        baseVersion: given.baseVersion,
        reason: given.by.reason,
        madeBy: given.by.actor,
        permission: given.permission,
      }),
    instantOf,
    now: () => databaseNow(pool),
    getSchedule: (scheduleId: string) => getSchedule(pool, scheduleId),
    listSchedules: (query: ScheduleQuery) => listSchedules(pool, query),
    upcoming: (featureIds: readonly FeatureId[]) => listUpcoming(pool, featureIds),
    cancelSchedule: (given: { scheduleId: string; actor: string; expectedVersion: number | undefined }) =>
      cancelSchedule(pool, given),

    /** Carries out what is due. What could not be tried is tried again; the others are not held up by it. */
    carryOutDue: async (
      onError: (error: unknown, scheduleId: string) => void,
    ): Promise<readonly ShownSchedule[]> => {
      const known = unreadable.size;
      const due = await claimDue(pool, MOST_DUE, unreadable);
      for (const scheduleId of [...unreadable].slice(known))
        onError(
          new Error("a newer version has made it, and a process of that version will carry it out"),
          scheduleId,
        );
      const finished = await Promise.all(
        due.map(async (one) => {
          try {
            return await carryOut(one);
          } catch (error) {
            onError(error, one.scheduleId);
            // With the database away the log alone has it.
            await noteAttempt(pool, one.scheduleId, errorText(error)).catch(() => {});
            return null;
          }
        }),
      );
      return finished.filter((schedule) => schedule !== null);
    },
  };
};
