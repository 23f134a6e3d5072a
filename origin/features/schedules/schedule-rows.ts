// The rows of schedules. Whether one is due, late or in the past is asked of the database's clock alone.
import { z } from "zod";
import { pageOf, type Page } from "../../db/page.ts";
import type { Queryable } from "../../db/pool.ts";
import type { FeatureId } from "../../../shared/ids.ts";
import { Schedule, ShownSchedule, type ProposedSchedule, type ScheduleState } from "./schedule.ts";

const columns = `s.seq, s.schedule_id as "scheduleId", s.change_id as "changeId", s.version, s.feature_id as "featureId",
  s.change, s.base_version as "baseVersion",
  (select f.version from feature_flags f where f.feature_id = s.feature_id) as "featureVersion",
  s.at, s.local_time as "localTime", s.zone, s.grace_seconds as "graceSeconds", s.reason, s.made_by as "madeBy",
  s.made_at as "madeAt", s.permission, s.state, s.attempts, s.last_error as "lastError",
  s.finished_at as "finishedAt", s.finished_by as "finishedBy", s.note, s.outcome`;

const oneOf = (rows: readonly unknown[]): ShownSchedule | null =>
  rows[0] === undefined ? null : ShownSchedule.parse(rows[0]);

export type NewSchedule = {
  readonly scheduleId: string;
  readonly schedule: ProposedSchedule;
  readonly baseVersion: number;
  readonly reason: string;
  readonly madeBy: string;
  readonly permission: object | null;
};

/** Made again under its id, it stays as it is. */
export const insertSchedule = async (
  db: Queryable,
  { scheduleId, schedule, baseVersion, reason, madeBy, permission }: NewSchedule,
): Promise<Schedule> => {
  const { rows } = await db.query(
    `insert into schedules as s
       (schedule_id, feature_id, change, base_version, at, local_time, zone, grace_seconds, reason, made_by, permission)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     on conflict (schedule_id) do update set schedule_id = excluded.schedule_id
     returning ${columns}`,
    [
      scheduleId,
      schedule.change.featureId,
      JSON.stringify(schedule.change),
      baseVersion,
      schedule.at,
      schedule.localTime,
      schedule.zone,
      schedule.graceSeconds,
      reason,
      madeBy,
      permission === null ? null : JSON.stringify(permission),
    ],
  );
  return Schedule.parse(rows[0]);
};

export const databaseNow = async (db: Queryable): Promise<Date> => {
  const { rows } = await db.query<{ now: Date }>("select clock_timestamp() as now");
  if (rows[0] === undefined) throw new Error("the database does not tell the time");
  return rows[0].now;
};

export const getSchedule = async (db: Queryable, scheduleId: string): Promise<ShownSchedule | null> => {
  const { rows } = await db.query(`select ${columns} from schedules s where s.schedule_id = $1`, [
    scheduleId,
  ]);
  return oneOf(rows);
};

export type ScheduleQuery = {
  readonly limit: number;
  readonly before?: number | undefined;
  readonly featureId?: string | undefined;
  readonly state?: "planned" | "finished" | undefined;
};

/** The newest first. */
export const listSchedules = async (
  db: Queryable,
  { limit, before, featureId, state }: ScheduleQuery,
): Promise<Page<ShownSchedule, number>> => {
  const { rows } = await db.query(
    `select ${columns} from schedules s
     where ($1::bigint is null or s.seq < $1) and ($2::text is null or s.feature_id = $2)
       and ($3::text is null or (s.state = 'planned') = ($3::text = 'planned'))
     order by s.seq desc limit $4`,
    [before ?? null, featureId ?? null, state ?? null, limit + 1],
  );
  return pageOf(
    rows.map((row) => ShownSchedule.parse(row)),
    limit,
    ({ seq }) => seq,
  );
};

/** Those that are planned for these features, the next first. */
export const listUpcoming = async (
  db: Queryable,
  featureIds: readonly FeatureId[],
): Promise<ShownSchedule[]> => {
  const { rows } = await db.query(
    `select ${columns} from schedules s
     where s.state = 'planned' and s.feature_id = any($1::text[]) order by s.at, s.seq`,
    [featureIds],
  );
  return rows.map((row) => ShownSchedule.parse(row));
};

/** null: it is not planned any more, or is being carried out, or has another version. */
export const cancelSchedule = async (
  db: Queryable,
  given: { scheduleId: string; actor: string; expectedVersion: number | undefined },
): Promise<ShownSchedule | null> => {
  const { rows } = await db.query(
    `update schedules s set state = 'cancelled', version = s.version + 1, finished_at = clock_timestamp(), finished_by = $2
     where s.schedule_id = $1 and s.state = 'planned' and s.attempts = 0 and ($3::integer is null or s.version = $3)
     returning ${columns}`,
    [given.scheduleId, given.actor, given.expectedVersion ?? null],
  );
  return oneOf(rows);
};

/** A process that has a due schedule for so long, in ms, may have died. Its change has its effect once all the same. */
const LEASE_MS = 5_000;

const Claimed = z.object({ scheduleId: z.string() });
const Due = Schedule.extend({ lateSeconds: z.number() });
export type Due = z.infer<typeof Due>;

/**
 * Those that are due and in nobody's hands. Of one feature only the earliest: the order of the times is kept. One that a newer version
 * has made, and this one cannot read, is given back for a process of that version: its id is added to `unreadable`, and those are not
 * claimed.
 */
export const claimDue = async (db: Queryable, limit: number, unreadable: Set<string>): Promise<Due[]> => {
  const { rows } = await db.query({
    name: "claim-due-schedules",
    text: `with due as (
       select d.seq from schedules d
       where d.state = 'planned' and d.at <= clock_timestamp()
         and (d.leased_until is null or d.leased_until < clock_timestamp())
         and d.schedule_id <> all($3::text[])
         and not exists (
           select from schedules e
           where e.feature_id = d.feature_id and e.state = 'planned' and (e.at, e.seq) < (d.at, d.seq))
       order by d.at, d.seq limit $1
       for update skip locked
     ), claimed as (
       update schedules c set attempts = c.attempts + 1,
         leased_until = clock_timestamp() + $2 * interval '1 millisecond'
       from due where c.seq = due.seq and c.state = 'planned'
       returning c.*
     )
     select ${columns}, extract(epoch from clock_timestamp() - s.at)::float8 as "lateSeconds"
     from claimed s order by s.at, s.seq`,
    values: [limit, LEASE_MS, [...unreadable]],
  });
  const due: Due[] = [];
  const givenBack: string[] = [];
  for (const row of rows) {
    const read = Due.safeParse(row);
    if (read.success) due.push(read.data);
    else givenBack.push(Claimed.parse(row).scheduleId);
  }
  for (const scheduleId of givenBack) unreadable.add(scheduleId);
  if (givenBack.length > 0)
    await db.query(
      `update schedules set attempts = attempts - 1, leased_until = null
       where schedule_id = any($1::text[]) and state = 'planned'`,
      [givenBack],
    );
  return due;
};

/** null: another process has said so already. */
export const finishSchedule = async (
  db: Queryable,
  scheduleId: string,
  {
    state,
    note,
    outcome,
  }: { state: Exclude<ScheduleState, "planned" | "cancelled">; note: string; outcome: object },
): Promise<ShownSchedule | null> => {
  const { rows } = await db.query(
    `update schedules s set state = $2, note = $3, outcome = $4, version = s.version + 1, leased_until = null,
       last_error = null, finished_at = clock_timestamp()
     where s.schedule_id = $1 and s.state = 'planned' returning ${columns}`,
    [scheduleId, state, note, JSON.stringify(outcome)],
  );
  return oneOf(rows);
};

/** It is tried again when its lease is over. */
export const noteAttempt = async (db: Queryable, scheduleId: string, error: string): Promise<void> => {
  await db.query("update schedules set last_error = $2 where schedule_id = $1 and state = 'planned'", [
    scheduleId,
    error.slice(0, 500),
  ]);
};
