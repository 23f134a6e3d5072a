// Fills an installation with a shop's 30 days: features in each state, decided by the product's own evaluator on the evidence
// that their visitors left, and what people did by hand. With a `nowS` that is a multiple of BUCKET_S it is the same each time, so long before `nowS`.
import { randomUUID } from "node:crypto";
import { syncWindows } from "../../origin/aggregate/sync-windows.ts";
import { makePool, type Pool } from "../../origin/db/pool.ts";
import { makeEvaluator } from "../../origin/evaluate/evaluator.ts";
import { makeFeatureChanges } from "../../origin/features/change-feature.ts";
import { makeDecidedChanges } from "../../origin/features/decided-changes.ts";
import { makeLogger } from "../../origin/runtime/log.ts";
import { makeMetrics } from "../../origin/runtime/metrics.ts";
import { FeatureId } from "../../shared/ids.ts";
import { makeCall, type Call } from "./admin-calls.ts";
import { insertEdges } from "./edges.ts";
import { FEATURES } from "./features.ts";
import { startPastClock } from "./past-clock.ts";
import { ACTS, APPROVAL_POLICY, HOOKS, MACHINES, PEOPLE, SEGMENTS, TARGETS } from "./people.ts";
import { insertTelemetry } from "./telemetry-rows.ts";
import { hoursOf, readOpen } from "./visits.ts";

const DAY = 86_400;
const HOUR = 3_600;
const DAYS = 30;
/** Every rule of the shop has buckets of this length. */
export const BUCKET_S = 180;
/** Rounds of evaluations: four a day, and each hour of the last day. */
const ROUNDS_AGO_S = [
  ...Array.from({ length: (DAYS - 1) * 4 }, (_, i) => DAYS * DAY - (i + 1) * 6 * HOUR),
  ...Array.from({ length: 24 }, (_, i) => DAY - (i + 1) * HOUR),
];

export type Installation = {
  readonly originUrl: string;
  readonly adminToken: string;
  /** Of the owner of the tables. No other process may evaluate or fold meanwhile (ROLES=admin). */
  readonly databaseUrl: string;
};

type Event = { readonly atS: number; readonly run: () => Promise<unknown> };

/** A token each, as somebody has it who signed in at the command line. */
const hirePeople = async (owner: Pool, call: Call, adminToken: string): Promise<Map<string, string>> => {
  const tokens = new Map<string, string>();
  for (const { name, holder, scope } of PEOPLE) {
    const made = await call(adminToken, "POST", "/tokens", { name: `laptop of ${name}`, scope });
    tokens.set(name, String(made["secret"]));
    await owner.query("update api_tokens set holder = $2 where name = $1", [`laptop of ${name}`, holder]);
  }
  return tokens;
};

const addMachines = async (owner: Pool, call: Call, adminToken: string, nowS: number): Promise<void> => {
  for (const machine of MACHINES) {
    const { name, scope, tags, madeDays, usedDays } = machine;
    await call(adminToken, "POST", "/tokens", { name, scope, ...(tags === null ? {} : { tags }) });
    await owner.query(
      `update api_tokens set created_at = to_timestamp($2), last_used_at = to_timestamp($3),
         revoked_at = to_timestamp($4), revoked_by = case when $4::float8 is null then null else 'maria@shop.example' end
       where name = $1`,
      [
        name,
        nowS - madeDays * DAY,
        nowS - usedDays * DAY,
        "revokedDays" in machine ? nowS - machine.revokedDays * DAY : null,
      ],
    );
  }
  // They are listed by their ids.
  await owner.query("update api_tokens set token_id = 'tok_' || substr(md5(name), 1, 18)");
};

/** The people's own tokens: made a month ago, used a few hours ago, whatever they were used for here. */
const restPeople = async (owner: Pool, nowS: number): Promise<void> => {
  await owner.query(
    `update api_tokens set created_at = to_timestamp($1), created_by = holder, last_used_at = to_timestamp($2)
     where holder is not null`,
    [nowS - 30 * DAY, nowS - 2 * HOUR],
  );
};

/** A local time of so many days ahead at nine o'clock, as POST /schedules takes it. */
const morningIn = (days: number, nowS: number): string =>
  `${new Date((nowS + days * DAY) * 1_000).toISOString().slice(0, 10)}T09:00`;

/** Until now everything is in order; the last changes wait, are planned, or have told somebody. */
const planAhead = async (call: Call, token: string, nowS: number): Promise<void> => {
  await call(token, "POST", "/schedules", {
    featureId: "feat_summer_sale",
    change: { kind: "enable" },
    at: morningIn(5, nowS),
    zone: "UTC",
    reason: "The summer sale begins",
  });
  await call(token, "POST", "/schedules", {
    featureId: "feat_express_checkout",
    change: { kind: "rollout", rolloutBps: 8_000 },
    at: morningIn(2, nowS),
    zone: "UTC",
    reason: "It was kept: more people may have it",
  });
};

export const seedShop = async (
  { originUrl, adminToken, databaseUrl }: Installation,
  nowS: number,
): Promise<void> => {
  const owner = makePool(databaseUrl, { applicationName: "sluice-seed", onIdleError: () => {} });
  try {
    const call = makeCall(originUrl);
    const clock = await startPastClock(owner);
    const ago = (days: number): number => nowS - days * DAY;
    await clock.set(ago(DAYS + 2));
    const tokens = await hirePeople(owner, call, adminToken);
    const as = (person: string): string => tokens.get(person) ?? adminToken;
    for (const hook of HOOKS) await call(as("maria"), "POST", "/hooks", hook);
    for (const target of TARGETS) await call(as("maria"), "POST", "/notifications", target);
    await addMachines(owner, call, adminToken, nowS);

    const events: Event[] = [
      ...SEGMENTS.map((segment) => ({
        atS: ago(DAYS + 1),
        run: () => call(as("maria"), "POST", "/segments", segment),
      })),
      ...FEATURES.flatMap(({ featureId, state, rule, madeDays, openedDays, madeBy }): Event[] => [
        {
          atS: ago(madeDays),
          run: async () => {
            await call(as(madeBy), "POST", "/features", { featureId, ...state });
            if (rule !== null)
              await call(as(madeBy), "PUT", `/features/${featureId}/rule?reason=the+first+rule`, rule);
          },
        },
        ...(openedDays === null
          ? []
          : [
              {
                atS: ago(openedDays),
                run: () =>
                  call(as(madeBy), "POST", `/features/${featureId}/enable`, { reason: "The trial begins" }),
              },
            ]),
      ]),
      {
        atS: ago(2),
        run: () => call(as("maria"), "PUT", "/approvals/policy", APPROVAL_POLICY),
      },
      ...ACTS.map(({ days, by, method, path, body }) => ({
        atS: ago(days),
        run: () => call(as(by), method, path, body),
      })),
    ].toSorted((one, other) => one.atS - other.atS);

    const time = { nowS: ago(DAYS) };
    const evaluator = makeEvaluator({
      pool: owner,
      ...makeDecidedChanges(makeFeatureChanges({ pool: owner, newId: randomUUID })),
      metrics: makeMetrics(),
      log: makeLogger("silent"),
      now: () => time.nowS,
      lagSeconds: () => 0,
    });
    // So that a bucket does not lie on the border of a day for whoever looks a little later.
    let toldS = Math.floor((ago(DAYS) - HOUR / 2) / BUCKET_S) * BUCKET_S;
    for (const agoS of ROUNDS_AGO_S) {
      const atS = nowS - agoS;
      while (events[0] !== undefined && events[0].atS <= atS) {
        const [event] = events.splice(0, 1);
        await clock.set(event?.atS ?? atS);
        await event?.run();
      }
      const open = await readOpen(owner);
      await syncWindows(
        { rules: owner, pool: owner },
        open.map(({ featureId, epoch }) => ({ featureId, epoch })),
      );
      const untilS = atS - HOUR / 2;
      const hours = open.flatMap((feature) =>
        FEATURES.filter(({ featureId }) => featureId === feature.featureId).flatMap((seeded) =>
          hoursOf(seeded, feature, { fromS: toldS, untilS, nowS }),
        ),
      );
      toldS += Math.ceil((untilS - toldS) / HOUR) * HOUR;
      await insertTelemetry(owner, hours, nowS);
      time.nowS = atS;
      await clock.set(atS + 1);
      await evaluator.evaluate(open.map(({ featureId }) => FeatureId.parse(featureId)));
    }
    await clock.end();

    await planAhead(call, as("aylin"), nowS);
    await owner.query("update approval_requests set asked_at = to_timestamp($1)", [ago(0.4)]);
    await owner.query("update schedules set made_at = to_timestamp($1)", [ago(0.6)]);
    await restPeople(owner, nowS);
    await insertEdges(owner, nowS);
  } finally {
    await owner.end();
  }
};
