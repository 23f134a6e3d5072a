// Who may send telemetry.
import { afterAll, describe, expect, test } from "vitest";
import { makeAccess } from "../../../origin/access/make-access.ts";
import { isLoopback, makeMayIngest } from "../../../origin/ingest/may-ingest.ts";
import { makeTestDatabase } from "../../support/database.ts";

const database = await makeTestDatabase();
afterAll(() => database.drop());
const access = makeAccess({
  pool: database.pool,
  adminToken: "the-admin-token",
  nowMs: () => performance.now(),
  log: { info: () => {}, warn: () => {}, error: () => {} },
});
const bearer = async (scope: "ingest" | "admin"): Promise<string> => {
  const made = await access.createToken(
    { name: `the ${scope}`, scope, tags: null, expiresAt: null },
    "admin",
  );
  return `Bearer ${made?.secret}`;
};
const ingest = await bearer("ingest");
const admin = await bearer("admin");

describe("an origin that others can reach", () => {
  test.each(["0.0.0.0", "::", "10.0.0.7", "origin.internal"])(
    "takes nothing without a token when INGEST_TOKEN is not set: %s",
    async (host) => {
      const may = makeMayIngest({ token: undefined, host, access });
      expect(await may(undefined)).toBe(false);
      expect(await may("Bearer anything")).toBe(false);
      expect(await may(ingest)).toBe(true);
    },
  );
});

describe("an origin of this machine alone", () => {
  test.each(["127.0.0.1", "127.1.2.3", "::1", "localhost"])(
    "takes everything when INGEST_TOKEN is not set: %s",
    async (host) => {
      expect(isLoopback(host)).toBe(true);
      expect(await makeMayIngest({ token: undefined, host, access })(undefined)).toBe(true);
    },
  );
});

test.each([
  ["Bearer an-ingest-token", true],
  ["bearer an-ingest-token", true],
  ["Bearer an-ingest-tokem", false],
  ["Basic an-ingest-token", false],
  ["an-ingest-token", false],
  [undefined, false],
  // A token that may change features is no token of telemetry: whoever steals one of an edge cannot do more than send.
  ["Bearer the-admin-token", false],
  [admin, false],
  [ingest, true],
])("with an INGEST_TOKEN, Authorization %s is allowed: %s", async (authorization, allowed) => {
  const may = makeMayIngest({ token: "an-ingest-token", host: "127.0.0.1", access });
  expect(await may(authorization)).toBe(allowed);
});
