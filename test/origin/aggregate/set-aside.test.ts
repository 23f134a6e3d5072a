// One feature that cannot be counted, or one row of the log that cannot be read, keeps nothing else from being counted, and
// is counted itself, each span once, as soon as that is possible.
import { randomBytes } from "node:crypto";
import { afterEach, beforeEach, expect, test } from "vitest";
import { makeTestDatabase, type TestDatabase } from "../../support/database.ts";
import { makeTestLog } from "../../support/log.ts";
import { newUnit, type TestSpan } from "../../support/otlp-spans.ts";
import { createFeature, startTelemetry, waitFor, type TestTelemetry } from "../../support/telemetry.ts";

const POISON = "feat_poison";
const GOOD = "feat_good";

let database: TestDatabase;
let telemetry: TestTelemetry | undefined;
let log: ReturnType<typeof makeTestLog>;
const start = async (): Promise<TestTelemetry> => {
  telemetry = await startTelemetry(database, { foldLog: log });
  return telemetry;
};
beforeEach(async () => {
  database = await makeTestDatabase();
  log = makeTestLog();
  for (const feature of [POISON, GOOD, "feat_other"]) await createFeature(database, feature);
});
afterEach(async () => {
  await telemetry?.stop();
  await database.drop();
});

const spansOf = (feature: string, count: number): TestSpan[] =>
  Array.from({ length: count }, () => ({
    feature,
    unit: newUnit(),
    traceId: randomBytes(16).toString("hex"),
    spanId: randomBytes(8).toString("hex"),
  }));

const counted = async (feature: string): Promise<{ units: number; requests: number }> => {
  const { rows } = await database.pool.query(
    `select (select coalesce(sum(units), 0)::integer from outcome_counts
             where feature_id = $1 and signal = 'exposure') as units,
       (select coalesce(sum(requests), 0)::integer from latency_sketches where feature_id = $1) as requests`,
    [feature],
  );
  return rows[0];
};
const waitUntilCounted = (feature: string, count: number): Promise<unknown> =>
  waitFor(async () => {
    const { units, requests } = await counted(feature);
    return units === count && requests === count;
  });

const setAsideSpans = async ({ metrics }: TestTelemetry): Promise<string[]> => {
  const text = await metrics.registry.getSingleMetricAsString("sluice_fold_set_aside_spans");
  return text.split("\n").filter((line) => line.startsWith("sluice_fold_set_aside_spans{"));
};

type Poison = { what: string; poison: () => Promise<unknown>; heal: () => Promise<unknown> };
const query = (text: string) => () => database.pool.query(text);

test.each<Poison>([
  {
    what: "whose counts the database refuses",
    poison: query(
      `alter table outcome_counts add constraint refused check (feature_id <> '${POISON}') not valid`,
    ),
    heal: query("alter table outcome_counts drop constraint refused"),
  },
  {
    what: "whose windows the database refuses",
    poison: query(
      `delete from fold_windows where feature_id = '${POISON}';
       alter table fold_windows add constraint refused check (feature_id <> '${POISON}') not valid`,
    ),
    heal: query("alter table fold_windows drop constraint refused"),
  },
  {
    what: "whose count is at the end of its column",
    poison: query(`update outcome_counts set units = 2147483647 where feature_id = '${POISON}'`),
    heal: query(`update outcome_counts set units = 3 where feature_id = '${POISON}'`),
  },
  {
    what: "whose stored sketch is damaged",
    poison: query(
      `create table good_sketches as select * from latency_sketches where feature_id = '${POISON}';
       update latency_sketches set sketch = '\\x09ff' where feature_id = '${POISON}'`,
    ),
    heal: query(
      `delete from latency_sketches where feature_id = '${POISON}';
       insert into latency_sketches select * from good_sketches`,
    ),
  },
])(
  "a feature $what is set aside, shown and counted later; the others go on",
  async ({ poison, heal }) => {
    let stack = await start();
    const at = Date.now();
    const spans = (feature: string, count: number) =>
      spansOf(feature, count).map((span) => Object.assign(span, { startMs: at }));
    await stack.sendSpans([...spans(POISON, 3), ...spans(GOOD, 3)]);
    await waitUntilCounted(POISON, 3);
    await stack.stop();
    await poison();
    stack = await start();

    const repeated = spans(POISON, 5);
    await stack.sendSpans([...spans(GOOD, 4), ...repeated, ...spans("feat_other", 2)]);
    await waitUntilCounted(GOOD, 7);
    await waitUntilCounted("feat_other", 2);
    await stack.folded();
    // What comes now is set aside without a failure, and a span that is sent again is a duplicate also there.
    const failures = log.lines.filter(({ level }) => level === "error").length;
    await stack.sendSpans([...spans(POISON, 2), ...repeated, ...spans(GOOD, 1)]);
    await waitUntilCounted(GOOD, 8);
    expect(log.lines.filter(({ level }) => level === "error").slice(failures)).toEqual([]);
    await waitFor(
      async () =>
        (await setAsideSpans(stack)).join() === `sluice_fold_set_aside_spans{feature="${POISON}"} 7`,
    );
    expect(log.lines.map(({ message }) => message)).toContainEqual(
      expect.stringMatching(/^the telemetry of a feature is set aside: it cannot be counted/),
    );

    await heal();
    await waitUntilCounted(POISON, 10);
    await waitFor(async () => (await setAsideSpans(stack)).length === 0);
    await stack.sendSpans(spans(POISON, 1));
    await waitUntilCounted(POISON, 11);
    const { rows } = await database.pool.query(
      "select (select count(*) from fold_quarantine) + (select count(*) from fold_set_aside) as left",
    );
    expect(rows).toEqual([{ left: 0 }]);
  },
  90_000,
);

test("a row of the log that cannot be read is set aside whole; the others are counted", async () => {
  const stack = await start();
  await stack.sendSpans(spansOf(GOOD, 1));
  await stack.folded();
  await database.pool.query(
    "insert into span_log (writer, partition, seq, records, span_keys, block) values (99, 1, 1, 1, '\\x0000000000000001', '\\x01ff')",
  );
  await stack.sendSpans(spansOf(GOOD, 2));
  await waitUntilCounted(GOOD, 3);
  await stack.folded();
  await waitFor(async () => (await setAsideSpans(stack)).length === 1);
  expect(await setAsideSpans(stack)).toEqual(['sluice_fold_set_aside_spans{feature=""} 1']);
}, 60_000);

test("when nothing can be counted, no feature is blamed, and all is counted once the cause is gone", async () => {
  const stack = await start();
  await stack.sendSpans([GOOD, POISON, "feat_other"].flatMap((feature) => spansOf(feature, 1)));
  await stack.folded();
  await database.pool.query("alter table outcome_counts add constraint refused check (units < 0) not valid");
  await stack.sendSpans([GOOD, POISON, "feat_other"].flatMap((feature) => spansOf(feature, 1)));
  await waitFor(async () =>
    log.lines.some(({ facts }) => JSON.stringify(facts).includes("no feature can be counted")),
  );
  await database.pool.query("alter table outcome_counts drop constraint refused");
  for (const feature of [GOOD, POISON, "feat_other"]) await waitUntilCounted(feature, 2);
  expect(await database.pool.query("select from fold_quarantine")).toHaveProperty("rowCount", 0);
}, 60_000);
