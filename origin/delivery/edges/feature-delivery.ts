// Where one feature change has arrived, for a person who watches: which edge has confirmed it, how long after its commit,
// and which has not. Times are the database's, as those of the receipt.
import { z } from "zod";
import type { Queryable } from "../../db/pool.ts";
import { Revision, type FeatureId } from "../../../shared/ids.ts";

/** The newest change of a feature, as the audit has it. */
export type DeliveredChange = {
  readonly featureId: FeatureId;
  readonly revision: Revision;
  readonly epoch: number;
  readonly at: Date;
};

const RegionDelivery = z.object({
  region: z.string(),
  revision: Revision,
  /** From the commit until the region's first confirmation; null: it has confirmed nothing since. */
  afterMs: z.number().nullable(),
  /** It was first heard of with a later revision: its time says nothing of this change. */
  joinedLater: z.boolean(),
});

const EdgeRow = z.object({
  edge: z.string(),
  /** `closed`: the close has arrived ahead of the rest of its revision. */
  state: z.enum(["confirmed", "closed", "waiting"]),
  closedAfterMs: z.number().nullable(),
  failingSince: z.date().nullable(),
  attempts: z.number(),
  lastError: z.string().nullable(),
  regions: z.array(RegionDelivery),
});
type EdgeRow = z.infer<typeof EdgeRow>;

type EdgeDelivery = Omit<EdgeRow, "closedAfterMs"> & {
  /** From the commit until the edge and all its regions had it. */
  readonly afterMs: number | null;
};

export type FeatureDelivery = {
  /** From the commit until the last edge had it; null: not everywhere yet, or there is no edge. */
  readonly everywhereAfterMs: number | null;
  readonly edges: readonly EdgeDelivery[];
};

const slowest = (times: readonly number[]): number | null => (times.length === 0 ? null : Math.max(...times));

const afterMsOf = ({ state, closedAfterMs, regions }: EdgeRow): number | null => {
  if (state === "waiting") return null;
  if (state === "closed") return closedAfterMs;
  const counted = regions.filter(({ joinedLater }) => !joinedLater);
  return slowest(counted.map(({ afterMs }) => afterMs).filter((ms) => ms !== null));
};

const toDelivery = (row: unknown): EdgeDelivery => {
  const { closedAfterMs, ...edge } = EdgeRow.parse(row);
  return { ...edge, afterMs: afterMsOf({ ...edge, closedAfterMs }) };
};

/**
 * The first confirmation of each region is found by one step in the key of `edge_receipts`, which begins with the revision.
 * A region that has confirmed nothing since is not looked for.
 */
export const readFeatureDelivery = async (
  db: Queryable,
  { featureId, revision, epoch, at }: DeliveredChange,
): Promise<FeatureDelivery> => {
  const { rows } = await db.query(
    `select p.url as edge, p.failing_since as "failingSince", p.attempts, p.last_error as "lastError",
       case when p.complete_revision >= $1 then 'confirmed' when c.url is not null then 'closed' else 'waiting' end as state,
       extract(epoch from c.closed_at - $4::timestamptz)::double precision * 1000 as "closedAfterMs",
       coalesce((
         select jsonb_agg(jsonb_build_object(
           'region', g.region, 'revision', g.revision,
           'afterMs', extract(epoch from r.confirmed_at - $4::timestamptz) * 1000,
           'joinedLater', coalesce(r.revision > $1 and not exists (
             select from edge_receipts o where o.edge_url = p.url and o.region = g.region and o.revision < $1), false)
         ) order by r.confirmed_at nulls last, g.region)
         from jsonb_to_recordset(p.regions) as g (region text, revision bigint)
         left join lateral (
           select revision, confirmed_at from edge_receipts e
           where g.revision >= $1 and e.revision >= $1 and e.edge_url = p.url and e.region = g.region
           order by e.revision limit 1
         ) r on true
       ), '[]') as regions
     from edge_progress p
     left join edge_closes c on c.url = p.url and c.feature_id = $2 and c.epoch >= $3
       and exists (select from feature_flags f where f.feature_id = $2 and not f.enabled)
     order by p.url`,
    [revision, featureId, epoch, at],
  );
  const edges = rows.map(toDelivery);
  const isEverywhere = edges.every(({ state }) => state !== "waiting");
  const times = edges.map(({ afterMs }) => afterMs).filter((ms) => ms !== null);
  return { everywhereAfterMs: isEverywhere ? slowest(times) : null, edges };
};
