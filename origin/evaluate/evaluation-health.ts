// Whether telemetry comes from every region, and whether each open feature can be decided about by what comes.
import { z } from "zod";
import type { Pool } from "../db/pool.ts";
import type { Finding, HealthCheck } from "../runtime/health.ts";
import { FeatureId } from "../../shared/ids.ts";
import { formatCount, formatDuration } from "../decide/format.ts";
import { readRegions } from "./read-regions.ts";
import { countsOf, onlyMain, type AggregatePart, type Aggregates, type AggregateView } from "./aggregates.ts";
import { eachPart } from "./read-parts.ts";
import { readOpenRuleWarnings } from "./read-rule-warnings.ts";

const DAY = 86_400;
/** A region without visitors at night is nothing to worry about for so long. */
const QUIET_S = 3_600;
/** A feature that is open for less may have had no visitor yet. */
const SETTLED_S = 3_600;
/** So many exposed units without one activation point to a route that is wrong. */
const ENOUGH_EXPOSED = 200;
const MAX_FEATURES = 100;

const regionFindings = async (pool: Pool, nowMs: number): Promise<Finding[]> => {
  const regions = await readRegions(pool);
  if (regions.length === 0)
    return [
      {
        status: "warning",
        summary: "no telemetry has ever come from an edge",
        todo: "give the Worker ORIGIN_URL and INGEST_TOKEN, then open a page through it in a browser (curl is a bot)",
      },
    ];
  return regions.map(({ region, seenAt, droppedSpans, waitsFrom }) => {
    const quietS = Math.max(0, (nowMs - seenAt.getTime()) / 1_000);
    const dropped =
      droppedSpans > 0 ? `, and ${formatCount(droppedSpans)} spans were dropped there in all` : "";
    const summary = `the last span came ${formatDuration(quietS)} ago${dropped}`;
    if (waitsFrom !== null)
      return {
        status: "warning",
        subject: region,
        summary: `${summary}; evaluations wait for it`,
        todo: "see whether the edge there reaches the origin; after a quarter of an hour it is gone on without",
      };
    return quietS > QUIET_S
      ? {
          status: "warning",
          subject: region,
          summary,
          todo: "see whether visitors come there, and whether its Worker reaches ORIGIN_URL",
        }
      : { status: "ok", subject: region, summary };
  });
};

const OpenFeature = z.object({
  featureId: FeatureId,
  ageS: z.number(),
  hasRule: z.boolean(),
  wantsActivation: z.boolean(),
  exposed: z.number(),
  activated: z.number(),
  state: z.string().nullable(),
  failing: z.string().nullable(),
});
type OpenFeature = z.infer<typeof OpenFeature>;

/** What came of each in the last day. */
const readOfDay = async (
  part: AggregatePart,
  features: readonly { readonly featureId: string; readonly epoch: number }[],
  nowS: number,
): Promise<(Pick<OpenFeature, "exposed" | "activated" | "failing"> & { featureId: string })[]> => {
  const { rows } = await part.db.query(
    `select f.feature_id as "featureId",
       coalesce(c.exposed, 0)::float8 as exposed, coalesce(c.activated, 0)::float8 as activated,
       (select min(q.error) from fold_quarantine q
        where q.feature_id = f.feature_id and q.epoch = f.epoch) as failing
     from unnest($3::text[], $4::integer[]) as f (feature_id, epoch)
     left join lateral (
       select sum(units) filter (where signal = 'exposure') as exposed,
              sum(units) filter (where signal = 'activation') as activated
       from ${countsOf(part)} o
       where o.feature_id = f.feature_id and o.epoch = f.epoch and o.bucket_s >= $1::bigint - $2
     ) c on true`,
    [Math.floor(nowS), DAY, features.map(({ featureId }) => featureId), features.map(({ epoch }) => epoch)],
  );
  return rows;
};

/** Open features, the newest first, with what came of each in the last day. */
const readOpenFeatures = async (
  pool: Pool,
  parts: readonly AggregatePart[],
  nowS: number,
): Promise<OpenFeature[]> => {
  const { rows } = await pool.query<{ featureId: string; epoch: number }>(
    `select f.feature_id as "featureId", f.epoch,
       greatest(0, $1 - extract(epoch from f.epoch_started_at))::float8 as "ageS",
       r.rule is not null as "hasRule",
       coalesce((r.rule ->> 'activationThreshold')::float8 > 0, false) as "wantsActivation",
       (select e.state from pmf_evaluations e
        where e.feature_id = f.feature_id and e.epoch = f.epoch order by e.id desc limit 1) as state
     from (select * from feature_flags where enabled order by revision desc limit $2) f
     left join pmf_rules r using (feature_id)
     order by f.feature_id`,
    [Math.floor(nowS), MAX_FEATURES],
  );
  const counted = (await eachPart(parts, (part) => readOfDay(part, rows, nowS))).flat();
  return rows.map(({ epoch: _epoch, ...row }) => {
    const own = counted.filter(({ featureId }) => featureId === row.featureId);
    return OpenFeature.parse({
      ...row,
      exposed: own.reduce((sum, { exposed }) => sum + exposed, 0),
      activated: own.reduce((sum, { activated }) => sum + activated, 0),
      failing: own.find(({ failing }) => failing !== null)?.failing ?? null,
    });
  });
};

const telemetryOf = ({ featureId, ageS, wantsActivation, exposed, activated }: OpenFeature): Finding[] => {
  if (exposed === 0 && ageS > SETTLED_S)
    return [
      {
        status: "warning",
        subject: featureId,
        summary: "is open, and nobody has met it in a day",
        todo: "see whether visitors reach its routes and fit its targeting: /.sluice/overlay on the site shows why they do not",
      },
    ];
  if (wantsActivation && activated === 0 && exposed >= ENOUGH_EXPOSED)
    return [
      {
        status: "warning",
        subject: featureId,
        summary: `${formatCount(exposed)} units met it in a day, and none has activated`,
        todo: "see whether its activation route is what people ask for, or the site reports action_taken",
      },
    ];
  return [];
};

const stateOf = ({ featureId, state, failing, hasRule }: OpenFeature): Finding[] => [
  ...(failing === null
    ? []
    : [
        {
          status: "failing",
          subject: featureId,
          summary: `cannot be counted: ${failing}`,
          todo: "its telemetry is kept; the origin's log has the reason",
        } as const,
      ]),
  ...(state === "INVALID"
    ? [
        {
          status: "failing",
          subject: featureId,
          summary: "its cohorts do not have the sizes of its rollout, so its rates decide nothing",
          todo: "find what loses units on one side (a cache, a crash, a filter), then begin a new trial",
        } as const,
      ]
    : []),
  ...(hasRule
    ? []
    : [
        {
          status: "warning",
          subject: featureId,
          summary: "is open, and no rule judges it",
          todo: "give it a rule, in shadow at first",
        } as const,
      ]),
];

const awayFindings = (away: AggregateView["away"]): Finding[] =>
  away.length === 0
    ? [{ status: "ok", summary: "the people of every partition are counted" }]
    : away.map(({ partition, database, reason }) => ({
        status: "failing",
        subject: database,
        summary: `the people of partition ${partition} are missed: ${reason}`,
        todo: "bring the database back, or restore it; what was acknowledged waits in the log and is counted then",
      }));

/** A look is written down every 5 s at most (origin/evaluate/looks.ts). */
const LOOK_LATE_S = 60;

/** Asked of the database, because any process may evaluate. */
const lookFinding = async (pool: Pool): Promise<Finding> => {
  const { rows } = await pool.query<{ targets: number; seconds: number | null }>(
    `select count(*)::float8 as targets,
       extract(epoch from clock_timestamp()
         - greatest(max(l.looked_at), max(f.epoch_started_at), max(r.updated_at)))::float8 as seconds
     from feature_flags f join pmf_rules r using (feature_id) left join pmf_looks l using (feature_id)
     where f.enabled`,
  );
  const { targets = 0, seconds = null } = rows[0] ?? {};
  if (targets === 0 || seconds === null)
    return { status: "ok", summary: "no open feature has a rule, so there is nothing to evaluate" };
  const ago = formatDuration(Math.max(0, seconds));
  return seconds < LOOK_LATE_S
    ? { status: "ok", summary: `features were evaluated ${ago} ago` }
    : {
        status: "failing",
        summary: `no feature was evaluated for ${ago}`,
        todo: "see whether a process with the role evaluate runs, and what its /readyz and its log say",
      };
};

/** `nowMs`: wall clock; `rawKeepDays`: how long `otel_spans` keeps a span at least. */
export const evaluationChecks = (options: {
  pool: Pool;
  /** Where the counts are; the main database alone when it is not given. */
  aggregates?: Aggregates;
  nowMs: () => number;
  rawKeepDays: number;
}): readonly HealthCheck[] => {
  const { pool, aggregates = onlyMain(options.pool), nowMs, rawKeepDays } = options;
  return [
    { id: "aggregates", run: async () => awayFindings((await aggregates.view()).away) },
    { id: "evaluator", run: async () => [await lookFinding(pool)] },
    { id: "telemetry", run: () => regionFindings(pool, nowMs()) },
    {
      id: "features",
      run: async () => {
        const { parts } = await aggregates.view();
        const open = await readOpenFeatures(pool, parts, nowMs() / 1_000);
        const found = open.flatMap((feature) => [...stateOf(feature), ...telemetryOf(feature)]);
        return found.length > 0
          ? found
          : [
              {
                status: "ok",
                summary: `${open.length} open ${open.length === 1 ? "feature is" : "features are"} met by visitors and counted`,
              },
            ];
      },
    },
    {
      id: "rules",
      run: async () => {
        const { parts } = await aggregates.view();
        const terms = { now: nowMs() / 1_000, rawKeepDays };
        const open = await readOpenRuleWarnings(pool, parts, MAX_FEATURES, terms);
        const found = open.flatMap(({ featureId, warnings }) =>
          warnings.map((summary): Finding => ({
            status: "warning",
            subject: featureId,
            summary,
            todo: `npx sluice why ${featureId} and plan-test show what would decide`,
          })),
        );
        return found.length > 0
          ? found
          : [{ status: "ok", summary: "every rule of an open feature can decide at today's traffic" }];
      },
    },
  ];
};
