// The list of features: filtered, sorted, a page at a time. A page begins after a row and not at a number, so features
// that are made or deleted in between move no other.
import { z } from "zod";
import { pageOf, type Page } from "../db/page.ts";
import type { Queryable } from "../db/pool.ts";
import { recordColumns, recordSource, toRecord, type FeatureRecord } from "./feature-record.ts";

export type FeatureSort =
  | "featureId"
  | "owner"
  | "createdAt"
  | "updatedAt"
  | "rolloutBps"
  | "removeAfter"
  | "state"
  | "nearness"
  | "exposed";

/** What a feature is, in one word. The first asks for attention most, and the list sorts by this order. */
const FEATURE_STATES = [
  "INVALID",
  "ROLLBACK",
  "rolledBack",
  "UNDECIDED",
  "unwatched",
  "TESTING",
  "COLLECTING",
  "waiting",
  "WATCH",
  "KEEP",
  "closed",
] as const;
export type FeatureFilterState = "open" | (typeof FEATURE_STATES)[number];

/** A row that a page begins after: its sorted value as text, and its id. */
export type FeaturePlace = { readonly key: string; readonly featureId: string };

export type FeatureQuery = {
  readonly limit: number;
  readonly after?: FeaturePlace | undefined;
  readonly tag?: string | undefined;
  readonly owner?: string | undefined;
  readonly state?: FeatureFilterState | undefined;
  /** Only features whose rule has this mode; `none`: that have no rule. */
  readonly mode?: "shadow" | "enforce" | "none" | undefined;
  readonly ids?: readonly string[] | undefined;
  /** Text that id, description, owner or a tag has in it, in whatever case. */
  readonly q?: string | undefined;
  readonly sort?: FeatureSort | undefined;
  readonly order?: "asc" | "desc" | undefined;
};

/** In any locale of the database: with the locale C, lower() knows ASCII alone. */
const lower = (text: string): string => `lower((${text}) collate "pg_c_utf8")`;

/** Features without a value come last in either order. Texts are compared by their characters, so that a place is one in every locale. */
const textOr = (value: string, order: "asc" | "desc"): string =>
  `coalesce(${value}, ${order === "asc" ? "U&'\\+10FFFF'" : "''"}) collate "C"`;

/** Of a source that has the rule as r and the standing as s. */
const STATE = `case when f.rolled_back_at is not null then 'rolledBack' when not f.enabled then 'closed'
  when r.feature_id is null then 'unwatched' else coalesce(s.state, 'waiting') end`;

const microseconds = (time: string): string => `(extract(epoch from ${time}) * 1000000)::bigint`;

const KEYS: Readonly<
  Record<FeatureSort, { readonly type: string; readonly by: (order: "asc" | "desc") => string }>
> = {
  featureId: { type: "text", by: () => "f.feature_id" },
  owner: { type: "text", by: (order) => textOr(lower("f.operator_fields ->> 'owner'"), order) },
  createdAt: { type: "bigint", by: () => microseconds("f.created_at") },
  updatedAt: { type: "bigint", by: () => microseconds("f.updated_at") },
  rolloutBps: { type: "integer", by: () => "f.rollout_bps" },
  removeAfter: { type: "text", by: (order) => textOr("f.operator_fields ->> 'removeAfter'", order) },
  state: { type: "integer", by: () => `array_position(array['${FEATURE_STATES.join("','")}'], ${STATE})` },
  // Of a closed feature no decision is awaited.
  nearness: {
    type: "float8",
    by: (order) => `coalesce(case when f.enabled then s.nearness end, ${order === "asc" ? 2 : -1})`,
  },
  exposed: {
    type: "bigint",
    by: (order) => `coalesce(s.exposed, ${order === "asc" ? "9223372036854775807" : "-1"})`,
  },
};

const SOURCE = `${recordSource}
  left join pmf_standings s on s.feature_id = f.feature_id and s.epoch = f.epoch`;

const TEXTS = `concat_ws(e'\\n', f.feature_id, f.operator_fields ->> 'description', f.operator_fields ->> 'owner',
  array_to_string(f.tags, e'\\n'))`;

/** Of $1 tag, $2 owner, $3 state, $4 text, $5 mode, $6 ids. */
const FILTERS = `($1::text is null or f.tags @> array[$1::text])
  and ($2::text is null or f.operator_fields ->> 'owner' = $2)
  and ($3::text is null or ($3 = 'open' and f.enabled) or $3 = ${STATE})
  and ($4::text is null or strpos(${lower(TEXTS)}, ${lower("$4")}) > 0)
  and ($5::text is null or $5 = coalesce(r.rule ->> 'mode', case when r.feature_id is null then 'none' else 'shadow' end))
  and ($6::text[] is null or f.feature_id = any($6::text[]))`;

const Listed = z.looseObject({
  sort_key: z.string(),
  rule: z
    .object({
      mode: z.enum(["shadow", "enforce"]).default("shadow"),
      minCohortSize: z.number(),
      ramp: z.object({ stagesBps: z.array(z.number()), minStageSeconds: z.number() }).optional(),
    })
    .nullable(),
});

export type ListedFeature = FeatureRecord & {
  /** What the list says of its rule; null: it has none. */
  readonly rule: z.infer<typeof Listed>["rule"];
};

export const listFeatures = async (
  db: Queryable,
  query: FeatureQuery,
): Promise<Page<ListedFeature, FeaturePlace> & { readonly total: number }> => {
  const { limit, after, sort = "featureId", order = "asc" } = query;
  const { type, by } = KEYS[sort];
  const key = by(order);
  const { tag, owner, state, q, mode, ids } = query;
  const filters = [tag ?? null, owner ?? null, state ?? null, q ?? null, mode ?? null, ids ?? null];
  const [listed, counted] = await Promise.all([
    db.query({
      name: `list-features-${sort}-${order}`,
      // The page is found first: the whole record of a feature is only made for its rows.
      text: `with page as materialized (
          select f.feature_id, (${key}) as sort_key from ${SOURCE}
          where ${FILTERS} and ($7::text is null or (${key}, f.feature_id) ${order === "asc" ? ">" : "<"} ($7::${type}, $8::text))
          order by 2 ${order}, f.feature_id ${order} limit $9
        )
        select ${recordColumns}, r.rule, page.sort_key::text
        from page join ${recordSource} using (feature_id)
        order by page.sort_key ${order}, feature_id ${order}`,
      values: [...filters, after?.key ?? null, after?.featureId ?? null, limit + 1],
    }),
    db.query<{ total: number }>({
      name: "count-features",
      text: `select count(*) as total from ${SOURCE} where ${FILTERS}`,
      values: filters,
    }),
  ]);
  const rows = listed.rows.map((row) => {
    const { sort_key, rule } = Listed.parse(row);
    return { key: sort_key, record: { ...toRecord(row), rule } };
  });
  const page = pageOf(rows, limit, ({ key: last, record }) => ({
    key: last,
    featureId: record.state.featureId,
  }));
  return {
    items: page.items.map(({ record }) => record),
    next: page.next,
    total: counted.rows[0]?.total ?? 0,
  };
};
