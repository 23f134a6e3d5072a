// What somebody without a server key hears: what concerns themselves. A holder of one asks about everybody.
import { beforeAll, describe, expect, test } from "vitest";
import { bucketOf } from "../../shared/features/assign.ts";
import { cookieOf, echoed, edge, feature, headerOf, push, SERVER } from "./support/edge.ts";
import { previewToken } from "./support/preview-token.ts";

const FLAGS = "/.sluice/ofrep/v1/evaluate/flags";

const PRO = { attribute: "header:x-plan", operator: "equals", value: "pro" };

beforeAll(() =>
  push({
    revision: 1,
    full: true,
    features: [
      feature("feat_all"),
      feature("feat_closed", { enabled: false }),
      feature("feat_none", { rolloutBps: 0, holdoutBps: 5_000 }),
      feature("feat_half", { rolloutBps: 5_000 }),
      feature("feat_pro", { rolloutBps: 5_000, targeting: PRO }),
      feature("feat_users", { unit: "user" }),
    ],
  }),
);

const ask = (key: string, context: object, headers: Record<string, string> = {}): Promise<Response> =>
  edge(`${FLAGS}${key}`, { method: "POST", headers, body: JSON.stringify({ context }) });

type Flag = { key: string; value?: boolean; errorCode?: string };
const all = async (context: object, headers: Record<string, string> = {}): Promise<Record<string, Flag>> => {
  const { flags } = await (await ask("", context, headers)).json<{ flags: Flag[] }>();
  return Object.fromEntries(flags.map((flag) => [flag.key, flag]));
};

describe("a client without key and cookie", () => {
  test.each([
    ["feat_all", true, "DEFAULT"],
    ["feat_closed", false, "DISABLED"],
    ["feat_none", false, "DEFAULT"],
    ["feat_pro", false, "DEFAULT"],
  ])("gets %s, which no key would change", async (key, value, reason) => {
    for (const headers of [{}, SERVER]) {
      const response = await ask(`/${key}`, {}, headers);
      expect([response.status, await response.json()]).toEqual([
        200,
        expect.objectContaining({ key, value, reason }),
      ]);
    }
  });

  test("is asked for one where it decides, for each flag of a bulk answer by itself", async () => {
    for (const key of ["feat_half", "feat_users"]) {
      const response = await ask(`/${key}`, {});
      expect([response.status, await response.json()]).toEqual([
        400,
        { key, errorCode: "TARGETING_KEY_MISSING", errorDetails: expect.any(String) },
      ]);
    }
    expect(await all({})).toMatchObject({
      feat_all: { value: true },
      feat_closed: { value: false },
      feat_half: { errorCode: "TARGETING_KEY_MISSING" },
      feat_pro: { value: false },
      feat_users: { errorCode: "TARGETING_KEY_MISSING" },
    });
  });
});

describe("the key of somebody else", () => {
  test("is refused without a server key, and evaluated with one", async () => {
    const refused = await ask("/feat_half", { targetingKey: "user-1" });
    expect([refused.status, await refused.json()]).toEqual([
      401,
      { key: "feat_half", errorCode: "GENERAL", errorDetails: expect.stringContaining("SERVER_KEYS") },
    ]);
    expect(refused.headers.get("WWW-Authenticate")).toBe("Bearer");
    expect((await all({ targetingKey: "user-1" }))["feat_half"]).toMatchObject({ errorCode: "GENERAL" });
    for (const headers of [
      SERVER,
      { "X-API-Key": "older-server-key-of-tests-0123456789abcdefghijklmnop" },
      { Authorization: "Bearer server-key-of-the-tests-0123456789abcdefghijklmnop" },
      { Authorization: "bearer older-server-key-of-tests-0123456789abcdefghijklmnop" },
    ]) {
      const response = await ask("/feat_half", { targetingKey: "user-1" }, headers);
      expect(await response.json()).toMatchObject({ value: bucketOf("feat_half", "user-1") < 5_000 });
    }
  });

  test.each<[string, Record<string, string>]>([
    ["a wrong X-API-Key", { "X-API-Key": "server-key-of-the-test" }],
    ["an empty X-API-Key", { "X-API-Key": "" }],
    ["the key with its name", { "X-API-Key": "s2:server-key-of-the-tests-0123456789abcdefghijklmnop" }],
    ["a push key", { "X-API-Key": "push-secret-of-the-tests-0123456789abcdefghijklmnop" }],
    ["a wrong bearer token", { Authorization: "Bearer server-key-of-the-test" }],
    ["another scheme", { Authorization: "Basic server-key-of-the-tests-0123456789abcdefghijklmnop" }],
  ])("is refused with %s", async (_, headers) => {
    expect((await ask("/feat_half", { targetingKey: "user-1" }, headers)).status).toBe(401);
  });

  test("in a browser is nobody's: it becomes a visitor of its own", async () => {
    const context = { targetingKey: "user-1" };
    const values = new Set<unknown>();
    for (let i = 0; i < 12; i++) {
      const response = await ask("/feat_half", context, { Origin: "http://shop.test" });
      expect(cookieOf(response)).not.toContain("user-1");
      values.add((await response.json<Flag>()).value);
    }
    expect(values.size).toBe(2);
  });
});

test("country, device, headers and cookies of a context count with a server key only", async () => {
  const context = { targetingKey: "user-1", "header:x-plan": "pro" };
  const value = bucketOf("feat_pro", "user-1") < 5_000;
  expect(await (await ask("/feat_pro", context, SERVER)).json()).toMatchObject({ value, reason: "SPLIT" });
  expect(await (await ask("/feat_pro", context)).json()).toMatchObject({ value: false, reason: "DEFAULT" });
  const cookie = cookieOf(await edge("/"));
  expect(await (await ask("/feat_pro", context, { Cookie: cookie })).json()).toMatchObject({
    reason: "DEFAULT",
  });
});

describe("explain", () => {
  const explained = async (headers: Record<string, string>): Promise<string[]> => {
    const response = await edge("/.sluice/explain", { headers });
    return (await response.json<{ features: { featureId: string }[] }>()).features.map(
      ({ featureId }) => featureId,
    );
  };

  test("tells somebody without a cookie only what is open and meant for such a request", async () => {
    expect(await explained({})).toEqual(["feat_all", "feat_none", "feat_half", "feat_users"]);
    expect(await explained({ "X-Plan": "pro" })).toContain("feat_pro");
  });

  test("tells a visitor, and a holder of a server key, why each feature is on or off", async () => {
    const Cookie = cookieOf(await edge("/"));
    for (const headers of [{ Cookie }, SERVER]) expect(await explained(headers)).toContain("feat_closed");
  });

  test("tells an overlay the same", async () => {
    expect(await (await edge("/.sluice/overlay")).text()).not.toContain("feat_closed");
    expect(await (await edge("/.sluice/overlay", { headers: SERVER })).text()).toContain("feat_closed");
  });
});

describe("a private feature", () => {
  const isListed = async (path: string, init: RequestInit): Promise<boolean> =>
    (await (await edge(path, init)).text()).includes("feat_private");

  beforeAll(() =>
    push({
      revision: 2,
      full: true,
      features: [
        feature("feat_all"),
        feature("feat_private", { private: true, routes: [{ path: "/here" }] }),
      ],
    }),
  );

  const lists = async (headers: Record<string, string>): Promise<boolean[]> => [
    await isListed("/.sluice/explain", { headers }),
    await isListed("/.sluice/explain?path=/here", { headers }),
    await isListed("/.sluice/overlay", { headers }),
    await isListed(FLAGS, { method: "POST", headers, body: "{}" }),
  ];

  test("is listed to holders of a server key and of a preview link for it, and to nobody else", async () => {
    const Cookie = cookieOf(await edge("/here"));
    for (const headers of [{}, { Cookie }, { Origin: "http://shop.test", Cookie }])
      expect(await lists(headers)).toEqual([false, false, false, false]);
    expect(await lists(SERVER)).toEqual([true, true, true, true]);
    const preview = `sluice-preview=${await previewToken("feat_private")}`;
    expect(await lists({ Cookie: preview })).toEqual([true, true, true, true]);
    const other = `sluice-preview=${await previewToken("feat_all")}`;
    expect(await lists({ Cookie: other })).toEqual([false, false, false, false]);
  });

  test("by its name is answered as one that does not exist, by flag and by event", async () => {
    const Cookie = cookieOf(await edge("/here"));
    const answers = await Promise.all(
      ["feat_private", "feat_nowhere"].map(async (key) => {
        const flag = await ask(`/${key}`, {}, { Cookie, Origin: "http://shop.test" });
        const event = await edge("/.sluice/events", {
          method: "POST",
          headers: { Cookie, Origin: "http://shop.test" },
          body: JSON.stringify({ type: "activation", featureId: key }),
        });
        const text = (await flag.text()).replaceAll(key, "KEY");
        return [flag.status, text, event.status, await event.text(), [...event.headers]];
      }),
    );
    expect(answers[0]).toEqual(answers[1]);
    expect(answers[0]?.[0]).toBe(404);
    expect((await ask("/feat_private", { targetingKey: "user-1" }, SERVER)).status).toBe(200);
  });

  test("is gated, told upstream and counted like any other", async () => {
    const seen = await echoed(await edge("/here"));
    expect(headerOf(seen, "Sluice-Features")).toBe("feat_all=treatment, feat_private=treatment");
  });
});
