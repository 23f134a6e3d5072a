// Whether database, audit, Redis, KV, hub, replicas and isolates (by live requests) agree, and whether every
// acknowledged change is still there.
import { z } from "zod";
import { verifyAudit } from "../../origin/features/audit/verify-audit.ts";
import type { Acknowledged } from "./changes.ts";
import type { Edge, World } from "./world.ts";

type Truth = {
  readonly revision: number;
  readonly open: readonly string[];
  readonly all: Map<string, boolean>;
};

const readTruth = async ({ pool }: World): Promise<Truth> => {
  const { rows } = await pool.query<{
    feature_id: string;
    enabled: boolean;
    rollout_bps: number;
    head: number;
  }>(
    `select feature_id, enabled, rollout_bps, (select revision from state_head) as head
     from feature_flags order by feature_id`,
  );
  return {
    revision: rows[0]?.head ?? 0,
    open: rows.filter((row) => row.enabled && row.rollout_bps === 10_000).map((row) => row.feature_id),
    all: new Map(rows.map((row) => [row.feature_id, row.enabled])),
  };
};

const lostChanges = async ({ pool }: World, acknowledged: readonly Acknowledged[]): Promise<string[]> => {
  const { rows } = await pool.query<{ feature_id: string; version: number; revision: number }>(
    `select g.* from jsonb_to_recordset($1::jsonb) as g (feature_id text, version integer, revision bigint)
     where not exists (select from rollback_audit a
       where a.feature_id = g.feature_id and a.version = g.version and a.revision = g.revision)`,
    [JSON.stringify(acknowledged.map((one) => ({ ...one, feature_id: one.featureId })))],
  );
  return rows.map((row) => `lost: ${row.feature_id} version ${row.version}, revision ${row.revision}`);
};

const redisDisagrees = async ({ redisClient }: World, truth: Truth): Promise<string[]> => {
  const ids = [...truth.all.keys()];
  const states = await Promise.all(ids.map((id) => redisClient.get(`feature:state:${id}`)));
  return ids.flatMap((id, i) =>
    states[i] === (truth.all.get(id) === true ? "ENABLED" : "DISABLED")
      ? []
      : [`Redis: ${id} is ${states[i]}`],
  );
};

const edgeDisagrees = async (edge: Edge, truth: Truth): Promise<string[]> => {
  const problems: string[] = [];
  for (const url of edge.urls()) {
    const visit = await fetch(url, { signal: AbortSignal.timeout(3_000) });
    const served = (await visit.text())
      .split(", ")
      .filter((entry) => entry.endsWith("=treatment"))
      .map((entry) => entry.slice(0, entry.indexOf("=")))
      .toSorted();
    if (served.join() !== truth.open.join()) problems.push(`${url}: visitors get ${served.join()}`);
    const health = await fetch(`${url}/.sluice/health`, { signal: AbortSignal.timeout(3_000) });
    const { revision } = (await health.json()) as { revision: number };
    if (revision !== truth.revision) problems.push(`${url}: at revision ${revision}`);
  }
  const kept = await edge.readKvCopy();
  const keptRevision = kept === null ? null : (JSON.parse(kept) as { revision: number }).revision;
  if (keptRevision !== truth.revision) problems.push(`KV of ${edge.urls()[0]}: revision ${keptRevision}`);
  return problems;
};

/** The revisions that hubs and replicas have confirmed, as the origins know them. */
const confirmationsDisagree = async ({ pool }: World, truth: Truth): Promise<string[]> => {
  const { rows } = await pool.query<{ url: string; revision: number; regions: unknown }>(
    "select url, revision, regions from edge_progress where complete_revision is distinct from $1",
    [truth.revision],
  );
  return rows.map((row) => `${row.url}: confirmed ${row.revision}, regions ${JSON.stringify(row.regions)}`);
};

/** One line for each thing that does not agree now; empty when everything does. */
export const disagreements = async (
  world: World,
  acknowledged: readonly Acknowledged[],
): Promise<string[]> => {
  try {
    const truth = await readTruth(world);
    const audit = await verifyAudit(world.pool);
    const parts = await Promise.all([
      lostChanges(world, acknowledged),
      redisDisagrees(world, truth),
      confirmationsDisagree(world, truth),
      ...world.edges.map((edge) => edgeDisagrees(edge, truth)),
    ]);
    return [
      // After a promotion that lost commits, the audit says so for ever.
      ...(audit.ok || audit.fault === "lost" ? [] : [`audit: row ${audit.seq} ${audit.fault}`]),
      ...parts
        .flat()
        .map((problem) => `${problem} (database: revision ${truth.revision}, ${truth.open.join()})`),
    ];
  } catch (error) {
    return [String(error)];
  }
};

export type ClosedFeature = { readonly featureId: string; readonly epoch: number };

const Explained = z.object({
  features: z.array(z.object({ featureId: z.string(), state: z.string() })),
});

/** The features that the database and every instance of every edge have closed now. A rollout of 0 is no close. */
export const closedEverywhere = async ({ pool, edges }: World): Promise<ClosedFeature[]> => {
  const open = new Set<string>();
  for (const url of edges.flatMap((edge) => edge.urls())) {
    const answer = await fetch(new URL("/.sluice/explain", url), { signal: AbortSignal.timeout(3_000) });
    for (const { featureId, state } of Explained.parse(await answer.json()).features)
      if (state === "open") open.add(featureId);
  }
  const { rows } = await pool.query<ClosedFeature>(
    `select feature_id as "featureId", epoch from feature_flags where not enabled`,
  );
  return rows.filter(({ featureId }) => !open.has(featureId));
};

/** Which of the features are open in the epoch in which they were closed: a person who opens one begins a later epoch. */
export const reopenedOf = async ({ pool }: World, closed: readonly ClosedFeature[]): Promise<string[]> => {
  const { rows } = await pool.query<{ feature_id: string }>(
    `select feature_id from feature_flags
     join jsonb_to_recordset($1::jsonb) as c ("featureId" text, epoch integer) on c."featureId" = feature_id
     where enabled and feature_flags.epoch <= c.epoch`,
    [JSON.stringify(closed)],
  );
  return rows.map((row) => row.feature_id);
};
