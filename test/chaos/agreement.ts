// Whether database, audit, Redis, KV, hub, replicas and isolates (by live requests) agree, and whether every
// acknowledged change is still there.
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

/** The features that no instance of any edge serves now. */
export const closedEverywhere = async ({ edges }: World, ids: readonly string[]): Promise<string[]> => {
  const open = new Set<string>();
  for (const url of edges.flatMap((edge) => edge.urls())) {
    const visit = await fetch(url, { signal: AbortSignal.timeout(3_000) });
    for (const entry of (await visit.text()).split(", ")) open.add(entry.slice(0, entry.indexOf("=")));
  }
  return ids.filter((id) => !open.has(id));
};

/** Which of the features are open although no person has opened them since `seq` of the audit. */
export const reopenedSince = async (
  { pool }: World,
  { closed, seq }: { readonly closed: readonly string[]; readonly seq: number },
): Promise<string[]> => {
  const { rows } = await pool.query<{ feature_id: string }>(
    `select feature_id from feature_flags f
     where feature_id = any($1::text[]) and enabled and rollout_bps > 0 and not exists (
       select from rollback_audit a
       where a.feature_id = f.feature_id and a.seq > $2 and a.action in ('enable', 'rollout'))`,
    [closed, seq],
  );
  return rows.map((row) => row.feature_id);
};
