// ADMIN_TOKEN may do everything and names nobody.
import { afterAll, expect, test } from "vitest";
import { makeAccess } from "../../../origin/access/make-access.ts";
import { makeTestDatabase } from "../../support/database.ts";
import { makeTestLog } from "../../support/log.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());

test.each([
  ["others can reach", false, "warn"],
  ["is of this machine alone", true, "info"],
] as const)("its use at an origin that %s is logged once (local: %s, as %s)", async (_, isLocal, level) => {
  const log = makeTestLog();
  const adminToken = "the-admin-token";
  const access = makeAccess({ pool: database.pool, adminToken, nowMs: () => 0, isLocal, log });
  for (let use = 0; use < 2; use++) expect((await access.principalOf(adminToken))?.scope).toBe("admin");
  expect(log.lines.map((line) => [line.level, line.message])).toEqual([
    [level, expect.stringContaining("make tokens with POST /admin/v1/tokens")],
  ]);
});
