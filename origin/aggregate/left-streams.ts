// Acknowledged telemetry that is left in streams of NATS which this process does not read: it has no SPAN_LOG_URL, or another
// SPAN_LOG_PREFIX. The database knows where they ended when a process that reads them last looked.
import type { Pool, Queryable } from "../db/pool.ts";
import type { AggregateDatabase } from "../db/aggregate-databases.ts";
import { errorText } from "../runtime/error-text.ts";
import type { Finding, HealthCheck } from "../runtime/health.ts";
import type { WarningLog } from "../runtime/log.ts";
import { startPeriodicTask, type PeriodicTask } from "../runtime/periodic-task.ts";
import type { Checkpoint } from "../span-log/span-log.ts";
import { readPositionsOfAll } from "./checkpoints.ts";

const LOOK_EVERY_MS = 300_000;
/** Processes that read the streams look every 20 s. */
const IS_READ_MS = 60_000;

export type KnownStream = {
  /** its name, and when it was made */
  readonly stream: string;
  readonly partition: number;
  readonly writer: number;
  readonly beginsAfter: number;
  /** null: nobody has looked */
  readonly lastSeq: number | null;
  readonly lookedAt: Date | null;
};

const nameOf = ({ stream }: KnownStream): string => stream.split(" of ", 1)[0] ?? stream;

/** The newest of each name: one that was made anew has taken the place of the one before. */
const readKnownStreams = async (db: Queryable): Promise<KnownStream[]> => {
  const { rows } = await db.query<KnownStream>(
    `select stream, partition, writer, begins_after as "beginsAfter", last_seq as "lastSeq", looked_at as "lookedAt"
     from span_log_streams order by writer`,
  );
  return [...new Map(rows.map((row) => [nameOf(row), row])).values()];
};

const foldedUpTo = ({ partition, writer, beginsAfter }: KnownStream, checkpoints: readonly Checkpoint[]) =>
  Math.max(
    beginsAfter,
    checkpoints.find((each) => each.partition === partition && each.writer === writer)?.seq ?? 0,
  );

const DO = 'see "And back" in docs/operations/span-log.md';

/** Null where nothing is left. `known`: without those that this process reads. */
export const leftInStreams = (
  known: readonly KnownStream[],
  checkpoints: readonly Checkpoint[],
  nowMs: number,
): Finding | null => {
  const left = known.filter(
    (stream) => stream.lastSeq === null || stream.lastSeq > foldedUpTo(stream, checkpoints),
  );
  if (left.length === 0) return null;
  const names = left.map(nameOf).join(", ");
  const looks = left.flatMap(({ lookedAt }) => (lookedAt === null ? [] : [lookedAt.getTime()]));
  if (looks.length < left.length)
    return {
      status: "warning",
      summary: `whether telemetry is left in the NATS streams ${names} is not known; this process does not read them`,
      todo: `let a process with ROLES=fold and the SPAN_LOG_URL and SPAN_LOG_PREFIX of these streams run for a minute; ${DO}`,
    };
  const blocks = left.reduce((sum, each) => sum + (each.lastSeq ?? 0) - foldedUpTo(each, checkpoints), 0);
  const lookedMs = Math.max(...looks);
  const summary =
    `${blocks} blocks of acknowledged telemetry in the NATS streams ${names} are not counted, as of ${new Date(lookedMs).toISOString()}; ` +
    "this process does not read them";
  return nowMs - lookedMs < IS_READ_MS
    ? {
        status: "warning",
        summary,
        todo: `give all processes the same SPAN_LOG_URL and SPAN_LOG_PREFIX, or wait until those that have them have counted it; ${DO}`,
      }
    : {
        status: "failing",
        summary,
        todo: `start a process with ROLES=fold and the SPAN_LOG_URL and SPAN_LOG_PREFIX of these streams, for as long as this is said, and take fold from the ROLES of those without: nobody else reads the streams of what they own; ${DO}`,
      };
};

type Needs = {
  readonly pool: Pool;
  readonly databases: readonly AggregateDatabase[];
  /** names of the streams that this process reads */
  readonly own: readonly string[];
  readonly nowMs: () => number;
};

const look = async ({ pool, databases, own, nowMs }: Needs): Promise<Finding | null> => {
  const known = (await readKnownStreams(pool)).filter((stream) => !own.includes(nameOf(stream)));
  if (known.length === 0) return null;
  const { checkpoints } = await readPositionsOfAll(pool, databases);
  return leftInStreams(known, checkpoints, nowMs());
};

export const leftStreamsCheck = (needs: Needs): HealthCheck => ({
  id: "span-log",
  run: async () => {
    const found = await look(needs);
    return found === null ? [] : [found];
  },
});

/** Says it at the start, and again for as long as it is so. */
export const watchLeftStreams = ({ log, ...needs }: Needs & { readonly log: WarningLog }): PeriodicTask =>
  startPeriodicTask({
    firstAfterMs: 0,
    everyMs: LOOK_EVERY_MS,
    run: async () => {
      const found = await look(needs);
      if (found !== null) log.warn({ todo: found.todo }, found.summary);
    },
    onError: (error) =>
      log.warn(
        { error: errorText(error) },
        `whether telemetry is left in streams that this process does not read could not be looked up; it is tried again in ${LOOK_EVERY_MS / 60_000} minutes`,
      ),
  });
