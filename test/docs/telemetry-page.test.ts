// docs/telemetry.md as a reader tries it: its curl command, and its table of attributes, against a real ingest.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, expect, test } from "vitest";
import { attribute, EVALUATION_EVENT } from "../../shared/telemetry/attributes.ts";
import { makeTestDatabase } from "../support/database.ts";
import { createFeature, INGEST_TOKEN, startTelemetry } from "../support/telemetry.ts";
import { readFile } from "./repository.ts";

const page = readFile("docs/telemetry.md");
const database = await makeTestDatabase();
const telemetry = await startTelemetry(database);
afterAll(async () => {
  await telemetry.stop();
  await database.drop();
});

test("the span that is sent by hand counts as an exposure", async () => {
  await createFeature(database, "feat_new_search");
  const [, command = ""] = /^```sh\n(now=.*?)^# \{\}\n```$/ms.exec(page) ?? [];
  const { stdout } = await promisify(execFile)(
    "bash",
    ["-c", command.replaceAll("http://127.0.0.1:8080", telemetry.url)],
    { env: { ...process.env, INGEST_TOKEN } },
  );
  expect(stdout).toBe("{}");
  await telemetry.folded();
  const { rows } = await database.pool.query("select feature_id, user_id, cohort from feature_exposures");
  expect(rows).toEqual([{ feature_id: "feat_new_search", user_id: "ada", cohort: "treatment" }]);
});

test("every attribute that ingest reads is on the page", () => {
  const names = [...Object.values(attribute).flat(), EVALUATION_EVENT];
  expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
});
