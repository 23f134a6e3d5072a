// The database's views read the stored codes of cohorts as the code writes them.
import { afterAll, expect, test } from "vitest";
import { BOT, COHORT_MASK, HOLDOUT, TREATMENT, UNNAMED } from "../../../origin/span-log/cohort-code.ts";
import { makeTestDatabase } from "../../support/database.ts";

const { pool, drop } = await makeTestDatabase();
afterAll(drop);

test("views name holdout and treatment, count a unit without a variant as treatment, and leave bots out", async () => {
  await pool.query("create table unit_evidence_1 partition of unit_evidence for values in (1)");
  const stored: [string, number][] = [
    ["unnamed", UNNAMED],
    ["treatment", TREATMENT],
    ["holdout", HOLDOUT],
    ["bot", BOT],
    ["named later", UNNAMED],
    ["named later", HOLDOUT],
    ["found later", TREATMENT],
    ["found later", BOT],
  ];
  for (const [unit, cohort] of stored)
    await pool.query("insert into unit_evidence values (1, hashtext($1), 'feat_a', 1, $1, $2, now())", [
      unit,
      cohort,
    ]);
  const { rows } = await pool.query("select user_id, cohort from feature_exposures order by user_id");
  expect(rows).toEqual([
    { user_id: "holdout", cohort: "holdout" },
    { user_id: "named later", cohort: "holdout" },
    { user_id: "treatment", cohort: "treatment" },
    { user_id: "unnamed", cohort: "treatment" },
  ]);
});

test("every code fits into the bits of a record", () => {
  for (const code of [UNNAMED, TREATMENT, HOLDOUT, BOT]) expect(code & COHORT_MASK).toBe(code);
});
