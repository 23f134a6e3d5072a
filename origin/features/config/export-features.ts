// Features as configuration files say them: without what is as it is by default, and without what only the present says.
import type { Queryable } from "../../db/pool.ts";
import type { FeatureId } from "../../../shared/ids.ts";
import { Rule } from "../../../shared/features/rule.ts";
import { recordColumns, recordSource, toRecord, type FeatureRecord } from "../feature-record.ts";
import { newFeature } from "../new-feature.ts";
import { isRamped, type Fields } from "./difference.ts";
import { isSame } from "./same-value.ts";

export type ExportedFeature = {
  readonly featureId: FeatureId;
  readonly source: string | null;
  readonly file: string | null;
  readonly rolledBack: {
    readonly since: Date;
    readonly reason: string | null;
    readonly epoch: number;
  } | null;
  readonly config: Fields;
};

const REQUIRED_OF_RULE = {
  activationThreshold: 0,
  retentionThreshold: 0,
  latencyP95Threshold: 1,
  minCohortSize: 1,
  evaluationWindowSeconds: 1,
};

const ruleAsWritten = (rule: unknown): Fields | null => {
  if (typeof rule !== "object" || rule === null || !("featureId" in rule)) return null;
  const { featureId, ...fields } = rule;
  const defaults: Fields = Rule.safeParse({ featureId, ...REQUIRED_OF_RULE }).data ?? {};
  return Object.fromEntries(
    Object.entries(fields).filter(
      ([name, value]) => name in REQUIRED_OF_RULE || !isSame(name, value, defaults[name]),
    ),
  );
};

/** Fields in the order in which people look for them; the others follow. */
const FIRST = ["description", "owner", "link", "tags", "enabled", "rolloutBps", "holdoutBps"];

const asWritten = ({ state, ...record }: FeatureRecord, rule: unknown): Fields => {
  const {
    featureId: _id,
    rule: _rule,
    enabled: _e,
    rolloutBps: _r,
    holdoutBps: _h,
    ...defaults
  } = newFeature({
    featureId: state.featureId,
  });
  const now: Fields = { ...state, ...record };
  const isLatched = record.rolledBackAt !== null;
  const written = ruleAsWritten(rule);
  const fields: Fields = {
    ...(isLatched ? {} : { enabled: state.enabled }),
    ...(isLatched || (state.enabled && isRamped(rule)) ? {} : { rolloutBps: state.rolloutBps }),
    holdoutBps: state.holdoutBps,
    ...Object.fromEntries(
      Object.entries(defaults).flatMap(([name, value]) =>
        isSame(name, now[name] ?? null, value) ? [] : [[name, now[name]]],
      ),
    ),
    ...(written === null ? {} : { rule: written }),
  };
  const order = [...FIRST.filter((name) => name in fields), ...Object.keys(fields)];
  return Object.fromEntries(order.map((name) => [name, fields[name]]));
};

export const exportFeatures = async (
  db: Queryable,
  { source, tag }: { readonly source?: string | undefined; readonly tag?: string | undefined },
): Promise<ExportedFeature[]> => {
  const { rows } = await db.query<{ rule: unknown }>(
    `select ${recordColumns}, r.rule from ${recordSource}
     where ($1::text is null or m.source = $1) and ($2::text is null or f.tags @> array[$2::text])
     order by f.feature_id`,
    [source ?? null, tag ?? null],
  );
  return rows.map((row) => {
    const record = toRecord(row);
    const { state, managedBy, rolledBackAt, rollbackReason } = record;
    return {
      featureId: state.featureId,
      source: managedBy?.source ?? null,
      file: managedBy?.file ?? null,
      rolledBack:
        rolledBackAt === null ? null : { since: rolledBackAt, reason: rollbackReason, epoch: state.epoch },
      config: asWritten(record, row.rule),
    };
  });
};
