// The features that ingest knows, on a real PostgreSQL, by a clock that the test sets.
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeFeatureDirectory } from "../../../origin/ingest/feature-directory.ts";
import { makePseudonymKeys } from "../../../origin/span-log/pseudonyms/pseudonym-keys.ts";
import { makeTestDatabase, type TestDatabase } from "../../support/database.ts";
import { createFeature } from "../../support/telemetry.ts";

let database: TestDatabase;
let nowMs = 0;
beforeAll(async () => {
  database = await makeTestDatabase();
  await createFeature(database, "feat_known");
  await database.pool.query("update feature_flags set epoch = 3 where feature_id = 'feat_known'");
});
afterAll(() => database.drop());

const makeDirectory = () =>
  makeFeatureDirectory({
    db: database.servicePool,
    pseudonyms: makePseudonymKeys({ db: database.servicePool, keys: undefined, naming: "pseudonymous" }),
    nowMs: () => nowMs,
  });

const openDirectory = async () => {
  nowMs += 10_000;
  const directory = makeDirectory();
  await directory.refresh();
  return directory;
};

test("a known feature is found in every epoch that has begun, by default in the current one", async () => {
  const directory = await openDirectory();
  expect(directory.find("feat_known", undefined)).toMatchObject({ featureId: "feat_known", epoch: 3 });
  // Of an earlier one the key is read when a span names it.
  expect(directory.find("feat_known", 1)).toBe("unsure");
  nowMs += 100;
  await directory.refresh();
  expect(directory.find("feat_known", 1)).toMatchObject({ epoch: 1 });
  expect(directory.find("feat_known", 3)).toBe(directory.find("feat_known", undefined));
  for (const epoch of [0, -1, 1.5, Number.NaN]) expect(directory.find("feat_known", epoch)).toBe("unknown");
});

test("a name is unsure until it was looked for, then unknown for a second, then unsure again", async () => {
  const directory = await openDirectory();
  expect(directory.find("feat_none", undefined)).toBe("unsure");
  nowMs += 100;
  await directory.refresh();
  expect(directory.find("feat_none", undefined)).toBe("unknown");
  nowMs += 999;
  expect(directory.find("feat_none", undefined)).toBe("unknown");
  nowMs += 1;
  expect(directory.find("feat_none", undefined)).toBe("unsure");
});

test("a new feature and a new epoch are found after one refresh", async () => {
  const directory = await openDirectory();
  expect(directory.find("feat_just_made", undefined)).toBe("unsure");
  expect(directory.find("feat_known", 4)).toBe("unsure");
  await createFeature(database, "feat_just_made");
  await database.pool.query("update feature_flags set epoch = 4 where feature_id = 'feat_known'");
  nowMs += 100;
  await directory.refresh();
  expect(directory.find("feat_just_made", undefined)).toMatchObject({ epoch: 1 });
  expect(directory.find("feat_known", 4)).toMatchObject({ epoch: 4 });
});

test("a directory is old more than a second after it was read, and before it was read at all", async () => {
  const directory = await openDirectory();
  nowMs += 1_000;
  expect(directory.isOld()).toBe(false);
  nowMs += 1;
  expect(directory.isOld()).toBe(true);
  expect(makeDirectory().isOld()).toBe(true);
});
