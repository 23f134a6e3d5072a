// The list of features: filtered, sorted, a page at a time. A page begins after a row and not at a number, so features
// that are made or deleted in between move no other.
import { z } from "zod";
import type { Queryable } from "../db/pool.ts";
import { recordColumns, recordSource, toRecord, type FeatureRecord } from "./feature-record.ts";
import { pageOf, type Page } from "./read-features.ts";

export type FeatureSort = "featureId" | "owner" | "createdAt" | "updatedAt" | "rolloutBps" | "removeAfter";
export type FeatureFilterState = "open" | "closed" | "rolledBack";

/** A row that a page begins after: its sorted value as text, and its id. */
export type FeaturePlace = { readonly key: string; readonly featureId: string };

export type FeatureQuery = {
  readonly limit: number;
  readonly after?: FeaturePlace | undefined;
  readonly tag?: string | undefined;
  readonly owner?: string | undefined;
  readonly state?: FeatureFilterState | undefined;
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
};

const TEXTS = `concat_ws(e'\\n', f.feature_id, f.operator_fields ->> 'description', f.operator_fields ->> 'owner',
  array_to_string(f.tags, e'\\n'))`;

/** Of $1 tag, $2 owner, $3 state, $4 text. */
const FILTERS = `($1::text is null or f.tags @> array[$1::text])
  and ($2::text is null or f.operator_fields ->> 'owner' = $2)
  and ($3::text is null or $3 = case when f.rolled_back_at is not null then 'rolledBack' when f.enabled then 'open' else 'closed' end)
  and ($4::text is null or strpos(${lower(TEXTS)}, ${lower("$4")}) > 0)`;

const Listed = z.looseObject({ sort_key: z.string(), mode: z.enum(["shadow", "enforce"]).nullable() });

export type ListedFeature = FeatureRecord & {
  /** Of its rule; null: it has none. */
  readonly mode: "shadow" | "enforce" | null;
};

export const listFeatures = async (
  db: Queryable,
  query: FeatureQuery,
): Promise<Page<ListedFeature, FeaturePlace> & { readonly total: number }> => {
  const { limit, after, sort = "featureId", order = "asc" } = query;
  const { type, by } = KEYS[sort];
  const key = by(order);
  const filters = [query.tag ?? null, query.owner ?? null, query.state ?? null, query.q ?? null];
  const [listed, counted] = await Promise.all([
    db.query({
      name: `list-features-${sort}-${order}`,
      text: `select ${recordColumns}, r.rule ->> 'mode' as mode, (${key})::text as sort_key from ${recordSource}
        where ${FILTERS} and ($5::text is null or (${key}, f.feature_id) ${order === "asc" ? ">" : "<"} ($5::${type}, $6::text))
        order by ${key} ${order}, f.feature_id ${order} limit $7`,
      values: [...filters, after?.key ?? null, after?.featureId ?? null, limit + 1],
    }),
    db.query<{ total: number }>({
      name: "count-features",
      text: `select count(*) as total from feature_flags f where ${FILTERS}`,
      values: filters,
    }),
  ]);
  const rows = listed.rows.map((row) => {
    const { sort_key, mode } = Listed.parse(row);
    return { key: sort_key, record: { ...toRecord(row), mode } };
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
