// Puts news where the targets are told it from. Stages whose news is neither in the audit nor in the evaluations call this.
import type { z } from "zod";
import type { Queryable } from "../db/pool.ts";
import type { EventName } from "../../shared/notifications/events.ts";
import { AnnouncementDocument } from "./announcement.ts";

export type Announcement = z.input<typeof AnnouncementDocument> & {
  readonly event: EventName;
  /** Absent: now. */
  readonly at?: Date;
  readonly featureId?: string | null;
  readonly tags?: readonly string[];
  /** Of news that may be announced more than once, as by several processes: only the first counts. */
  readonly key?: string;
};

/**
 * Ids follow the order of commits, because the lock is held until then: a reader that has seen an id has seen all before it. In a
 * longer transaction call this last.
 */
export const announceAll = async (db: Queryable, announcements: readonly Announcement[]): Promise<number> => {
  if (announcements.length === 0) return 0;
  const rows = announcements.map(({ event, at, featureId, tags, key, ...document }, place) => ({
    place,
    event,
    at: at ?? null,
    feature_id: featureId ?? null,
    tags: tags ?? null,
    key: key ?? null,
    document: AnnouncementDocument.parse(document),
  }));
  const { rowCount } = await db.query(
    `with locked as materialized (select pg_advisory_xact_lock(hashtext('announcements'))),
     given as (
       select g.* from locked, jsonb_to_recordset($1::jsonb) as g (
         place integer, event text, at timestamptz, feature_id text, tags text[], key text, document jsonb)
     )
     insert into announcements (event, at, feature_id, tags, key, document)
     select event, coalesce(at, clock_timestamp()), feature_id, coalesce(tags, (
         select f.tags from feature_flags f where f.feature_id = given.feature_id), '{}'), key, document
     from given order by place
     on conflict (key) do nothing`,
    [JSON.stringify(rows)],
  );
  return rowCount ?? 0;
};

/** Hands one piece of news to every target that wants it. Without `tags` it has those of its feature. */
export type Announce = (announcement: Announcement) => Promise<void>;

export const makeAnnounce =
  (db: Queryable): Announce =>
  async (announcement) => {
    await announceAll(db, [announcement]);
  };

/** Whether news with this key was announced in the last weeks. */
export const makeIsAnnounced =
  (db: Queryable) =>
  async (key: string): Promise<boolean> =>
    ((await db.query("select from announcements where key = $1", [key])).rowCount ?? 0) > 0;
