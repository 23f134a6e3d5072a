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
const REFUSED = { may: false, reason: "unauthorized" };
const ingest = await bearer("ingest");
const admin = await bearer("admin");

describe("an origin that others can reach", () => {
  test.each(["0.0.0.0", "::", "10.0.0.7", "origin.internal"])(
    "takes nothing without a token when INGEST_TOKEN is not set: %s",
    async (host) => {
      const may = makeMayIngest({ token: undefined, host, access });
      expect(await may({})).toEqual(REFUSED);
      expect(await may({ authorization: "Bearer anything" })).toEqual(REFUSED);
      expect(await may({ authorization: ingest })).toEqual({ may: true });
    },
  );
});

describe("an origin of this machine alone", () => {
  test.each(["127.0.0.1", "127.1.2.3", "::1", "localhost"])(
    "takes everything when INGEST_TOKEN is not set: %s",
    async (host) => {
      expect(isLoopback(host)).toBe(true);
      const may = makeMayIngest({ token: undefined, host, access });
      expect(await may({})).toEqual({ may: true });
      for (const sentTo of ["127.0.0.1:8080", "localhost", "[::1]:8080"])
        expect(await may({ host: sentTo })).toEqual({ may: true });
    },
  );

  test.each([
    ["x-forwarded-for", "203.0.113.9"],
    ["x-forwarded-for", ""],
    ["forwarded", "for=203.0.113.9"],
    ["x-forwarded-host", "origin.example"],
    ["x-forwarded-proto", "https"],
    ["x-real-ip", "203.0.113.9"],
    ["via", "1.1 caddy"],
    ["cf-connecting-ip", "203.0.113.9"],
    ["host", "origin.example"],
    ["host", "127.0.0.1.example:8080"],
  ])("takes nothing without a token from a proxy, which %s: %s shows", async (header, value) => {
    const may = makeMayIngest({ token: undefined, host: "127.0.0.1", access });
    const headers = { host: "127.0.0.1:8080", [header]: value };
    expect(await may(headers)).toEqual({ may: false, reason: "proxied", by: header });
    expect(await may({ ...headers, authorization: "Bearer anything" })).toMatchObject({ may: false });
    expect(await may({ ...headers, authorization: ingest })).toEqual({ may: true });
    const withToken = makeMayIngest({ token: "an-ingest-token", host: "127.0.0.1", access });
    expect(await withToken(headers)).toEqual(REFUSED);
    expect(await withToken({ ...headers, authorization: "Bearer an-ingest-token" })).toEqual({ may: true });
  });
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
  expect(await may(authorization === undefined ? {} : { authorization })).toEqual(
    allowed ? { may: true } : REFUSED,
  );
});
