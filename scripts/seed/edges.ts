// Where the changes of the seeded shop have arrived: two edges that have everything, and one that is behind.
import type { Pool } from "../../origin/db/pool.ts";
import { chanceOf } from "./chance.ts";

const EDGES = [
  { url: "https://www.shop.example", regions: ["apac-ne", "enam", "weur", "wnam"], behind: 0 },
  { url: "https://b2b.shop.example", regions: ["weur"], behind: 0 },
  { url: "https://app.shop.example", regions: ["enam", "weur"], behind: 2 },
] as const;
const TELEMETRY_REGIONS = ["apac-ne", "enam", "weur", "wnam"];

/** Ends what the shop's past has left to be sent: there is nobody who waits for it. */
export const insertEdges = async (owner: Pool, nowS: number): Promise<void> => {
  await owner.query("update outbox set done_at = created_at where done_at is null");
  for (const { url, regions, behind } of EDGES) {
    await owner.query(
      `insert into edge_targets (url, revision, regions, confirmed_at, failing_since, attempts, last_error)
       select $1, h.revision - $3::int,
         (select jsonb_agg(jsonb_build_object('region', region, 'revision', h.revision - $3::int, 'ms', 9) order by region)
          from unnest($2::text[]) region),
         to_timestamp($4) - case when $3::int = 0 then interval '2 seconds' else interval '17 minutes' end,
         case when $3::int = 0 then null else to_timestamp($4) - interval '16 minutes' end,
         case when $3::int = 0 then 0 else 74 end,
         case when $3::int = 0 then null else 'connect ETIMEDOUT 198.51.100.7:443' end
       from state_head h
       on conflict (url) do update set revision = excluded.revision, regions = excluded.regions,
         confirmed_at = excluded.confirmed_at, failing_since = excluded.failing_since, attempts = excluded.attempts,
         last_error = excluded.last_error`,
      [url, regions, behind, nowS],
    );
    for (const region of regions) {
      const chance = chanceOf(`${url} ${region}`);
      const milliseconds = Array.from({ length: 500 }, () => 4 + 38 * chance() ** 2);
      await owner.query(
        `insert into edge_receipts (edge_url, region, revision, ms, confirmed_at)
         select $1, $2, a.revision, ($3::float8[])[1 + a.revision % 500],
           min(a.at) + ($3::float8[])[1 + a.revision % 500] * interval '1 millisecond'
         from rollback_audit a, state_head h where a.revision <= h.revision - $4::int
         group by a.revision, h.revision
         on conflict do nothing`,
        [url, region, milliseconds, behind],
      );
    }
  }
  await owner.query(
    `insert into telemetry_regions (region, seen_at)
     select region, to_timestamp($2) - interval '3 seconds' from unnest($1::text[]) region
     on conflict (region) do update set seen_at = excluded.seen_at`,
    [TELEMETRY_REGIONS, nowS],
  );
};
