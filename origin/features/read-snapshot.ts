// The features for the edge: all of them, or those that changed since a revision. Each is read in one statement, so it
// shows one moment.
import { z } from "zod";
import type { Queryable } from "../db/pool.ts";
import { Close, PushMessage } from "../../shared/snapshot/push-message.ts";
import { FeatureId, Revision } from "../../shared/ids.ts";

const States = z.object({
  revision: Revision,
  lineage: z.string().optional(),
  lineageBegunAtMs: z.number().optional(),
  features: z.array(z.object({ featureId: FeatureId, enabled: z.boolean(), epoch: z.number() })),
});

/** Which features are open, and the history that says so; it is begun when it has no name yet. */
export const currentStates = async (db: Queryable): Promise<z.infer<typeof States>> => {
  const { rows } = await db.query(
    `select head.revision, coalesce(head.place <> '' and head.place <> history_place(), false) as moved,
            coalesce((select jsonb_agg(jsonb_build_object('featureId', feature_id, 'enabled', enabled, 'epoch', epoch))
                      from feature_flags), '[]') as features,
            l.id as lineage, extract(epoch from l.begun_at)::double precision * 1000 as "lineageBegunAtMs"
     from state_head head left join lineages l on l.id = head.lineage`,
  );
  if (rows[0]?.moved === true) {
    await noteLineage(db);
    return currentStates(db);
  }
  const named = Object.entries(rows[0] ?? {}).filter(([, value]) => value !== null);
  return States.parse(Object.fromEntries(named));
};

/** A revision that an edge has, and the head of its history; an older edge tells none. */
export type Since = { readonly revision: Revision; readonly head?: string | undefined };

/** A push, and what it closes: closes travel alone where the rest is long. */
export type Changes = {
  readonly message: PushMessage;
  readonly closes: readonly Close[];
  /** false: `since` is of another history than this database's, and the message is a full one. */
  readonly knowsSince: boolean;
};

const Removed = z.array(Close);

const closesIn = ({ features }: PushMessage, removed: readonly Close[]): Close[] => [
  ...features
    .filter(({ enabled }) => !enabled)
    .map(({ featureId, epoch, version }) => ({ featureId, epoch, version })),
  ...removed,
];

/** Columns of the head, for statements whose $1 is the edge's revision and $2 its head. */
const headColumns = `revision, nullif(lineage, '') as lineage, encode(audit_hash, 'hex') as head,
  place <> '' and place <> history_place() as moved,
  $1::bigint is null or $2::text is null or ($1 <= revision and head_at($1) = $2) as knows`;

const Head = z.object({
  revision: Revision,
  lineage: z.string().nullable(),
  head: z.string(),
  moved: z.boolean(),
  knows: z.boolean(),
});

/** What names the state in a message. A database in which nothing was committed yet has no lineage. */
const nameOf = ({ revision, lineage, head }: z.infer<typeof Head>) => ({
  revision,
  ...(lineage === null ? {} : { lineage, head }),
});

/** So many closes travel with the question what an edge has. */
const MOST_CLOSES = 500;

/**
 * The database's newest state by its name alone, as a message without features; and whether it knows an edge's state. With
 * `closes` also what was closed since then, the newest first: since ever, where it does not know the state.
 */
export const currentHead = async (
  db: Queryable,
  since: Since | null,
  { closes: wantsCloses }: { readonly closes: boolean } = { closes: false },
): Promise<Changes> => {
  const { rows } = await db.query({
    name: wantsCloses ? "current-head-and-closes" : "current-head",
    text: wantsCloses
      ? `select head.*, coalesce((
           select jsonb_agg(jsonb_build_object('featureId', feature_id, 'epoch', epoch, 'version', version))
           from (
             select feature_id, epoch, version, revision from feature_flags where not enabled and revision > after
             union all
             select feature_id, epoch, version, revision from feature_tombstones where revision > after
             order by revision desc limit ${MOST_CLOSES}
           ) closed), '[]') as closes
         from (select known.*, case when knows then coalesce($1::bigint, 0) else 0 end as after
               from (select ${headColumns} from state_head) known) head`
      : `select ${headColumns} from state_head`,
    values: [since?.revision ?? null, since?.head ?? null],
  });
  const head = Head.parse(rows[0]);
  if (head.moved) {
    await noteLineage(db);
    return currentHead(db, since, { closes: wantsCloses });
  }
  const closes = z.array(Close).default([]).parse(rows[0]?.closes);
  const { revision } = head;
  const message = { ...nameOf(head), since: revision, full: false, features: [], removed: [] };
  return { message, closes, knowsSince: head.knows };
};

/**
 * The push that brings an edge from `since` to now. It is full when `since` is null or of another history. Of an older
 * edge nobody knows that, so it is full below the revision to which the database was raised after a restore.
 */
export const changesSince = async (db: Queryable, since: Since | null): Promise<Changes> => {
  const { rows } = await db.query({
    name: "changes-since",
    text: `select head.*,
            coalesce((select jsonb_agg(full_feature_state(f) order by f.feature_id)
                      from feature_flags f where head.full or f.revision > $1), '[]') as features,
            coalesce((select jsonb_agg(feature_id order by feature_id)
                      from feature_tombstones where not head.full and revision > $1), '[]') as removed,
            coalesce((select jsonb_agg(jsonb_build_object('featureId', feature_id, 'epoch', epoch, 'version', version))
                      from feature_tombstones where not head.full and revision > $1), '[]') as "removedCloses"
     from (select known.*, $1::bigint is null or not knows or ($2::text is null and $1 < base) as full
           from (select ${headColumns}, base from state_head) known) head`,
    values: [since?.revision ?? null, since?.head ?? null],
  });
  const head = Head.parse(rows[0]);
  if (head.moved) {
    await noteLineage(db);
    return changesSince(db, since);
  }
  const message = PushMessage.parse({ ...rows[0], ...nameOf(head), lineage: head.lineage ?? undefined });
  const closes = closesIn(message, Removed.parse(rows[0]?.removedCloses));
  const builtOn =
    message.full || since === null
      ? {}
      : { since: since.revision, ...(since.head === undefined ? {} : { sinceHead: since.head }) };
  return { message: { ...message, ...builtOn }, closes, knowsSince: head.knows };
};

/** Begins the lineage of a history that began since the last change. `rewound`: edges know a history that was lost here. */
export const noteLineage = async (db: Queryable, { rewound = false } = {}): Promise<void> => {
  await db.query("select note_lineage($1)", [rewound]);
};

/** For an edge that has a revision which this database never gave out: the next revisions are above it. */
export const raiseRevision = async (db: Queryable, above: Revision): Promise<void> => {
  await db.query("select raise_revision($1)", [above]);
};
