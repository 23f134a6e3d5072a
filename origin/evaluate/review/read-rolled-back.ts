// The rollbacks of some days from the audit, with the evidence of each.
import { z } from "zod";
import type { Queryable } from "../../db/pool.ts";
import { MOST_LISTED, type RolledBack } from "./review.ts";

const Tally = z.object({ n: z.number(), s: z.number() });
const Test = z.looseObject({
  signal: z.string(),
  threshold: z.number(),
  treatment: Tally,
  holdout: Tally.nullable(),
  logEvidence: z.number().nullable(),
  logBar: z.number().nullable(),
});
/** Evidence of a decision, of an alert, or none that is known. */
const Evidence = z.looseObject({
  cause: z.array(z.string()).catch([]),
  evidence: z
    .looseObject({ tests: z.array(Test) })
    .nullable()
    .catch(null),
  alert: z
    .looseObject({ hook: z.string(), title: z.string(), link: z.string().nullable() })
    .nullable()
    .catch(null),
});

const Row = z.object({
  featureId: z.string(),
  owner: z.string().nullable(),
  at: z.date(),
  actor: z.string(),
  reason: z.string(),
  revision: z.number(),
  isOpenAgain: z.boolean(),
  evidence: z.unknown(),
  total: z.number(),
});

const signalsOf = ({ cause, evidence }: z.infer<typeof Evidence>): RolledBack["signals"] => {
  const found = new Map(
    (evidence?.tests ?? []).filter(({ signal }) => cause.includes(signal)).map((test) => [test.signal, test]),
  );
  return [...found.values()].map(({ signal, threshold, treatment, holdout, logEvidence, logBar }) => ({
    signal,
    threshold,
    treatment,
    holdout,
    logEvidence,
    logBar,
  }));
};

const toRolledBack = (row: z.infer<typeof Row>): RolledBack => {
  const { featureId, owner, at, actor, reason, revision, isOpenAgain } = row;
  const parsed = Evidence.safeParse(row.evidence);
  const alert = parsed.success ? parsed.data.alert : null;
  return {
    featureId,
    owner,
    at: at.toISOString(),
    actor,
    reason,
    revision,
    signals: parsed.success ? signalsOf(parsed.data) : [],
    alert: alert === null ? null : { hook: alert.hook, title: alert.title, link: alert.link },
    isOpenAgain,
  };
};

/** The newest first. `since`, `until`: unix seconds. */
export const readRolledBack = async (
  db: Queryable,
  { since, until }: { readonly since: number; readonly until: number },
): Promise<{ readonly total: number; readonly items: readonly RolledBack[] }> => {
  const { rows } = await db.query(
    `select a.feature_id as "featureId", f.operator_fields ->> 'owner' as owner, a.at, a.actor, a.reason,
       a.revision, coalesce(f.enabled, false) as "isOpenAgain", a.details -> 'evidence' as evidence,
       count(*) over () as total
     from rollback_audit a left join feature_flags f using (feature_id)
     where a.action = 'rollback' and a.at >= to_timestamp($1) and a.at < to_timestamp($2)
     order by a.seq desc limit $3`,
    [since, until, MOST_LISTED],
  );
  const items = rows.map((row) => Row.parse(row));
  return {
    total: items[0]?.total ?? 0,
    items: items.map(toRolledBack),
  };
};
