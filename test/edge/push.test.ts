import { expect, test } from "vitest";
import { sign } from "../../edge/hmac.ts";
import { answerText, parseSignature, senderText } from "../../shared/signing/push-signature.ts";
import {
  cookieOf,
  echoed,
  edge,
  feature,
  headerOf,
  hex,
  nowSeconds,
  OLD_PUSH_KEY,
  push,
  PUSH_KEY,
  signatureOf,
} from "./support/edge.ts";

const health = async (): Promise<{ revision: number; features: number; source: string; ageMs: number }> =>
  (await edge("/.sluice/health")).json();

test("an edge that was never pushed to serves the site without any feature, and says so", async () => {
  expect(await health()).toMatchObject({ revision: 0, features: 0, source: "default" });
  const response = await edge("/");
  expect(response.headers.getSetCookie()).toEqual([]);
  expect(headerOf(await echoed(response), "Sluice-Features")).toBe(null);
});

test("a push is answered with the regions that have it, and the next request sees it", async () => {
  const response = await push({ revision: 10, full: true, features: [feature("feat_a")] });
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({
    revision: 10,
    regions: [{ region: "weur", revision: 10, ms: expect.any(Number) }],
  });
  expect(headerOf(await echoed(await edge("/")), "Sluice-Features")).toBe("feat_a=treatment");
});

test("a unit that has the feature loses it on the first request after the push", async () => {
  const first = await edge("/");
  const cookie = cookieOf(first);
  for (let revision = 11; revision < 31; revision += 2) {
    await push({ revision, full: false, features: [feature("feat_a", { enabled: false, rolloutBps: 0 })] });
    const closed = await edge("/", { headers: { Cookie: cookie } });
    expect(headerOf(await echoed(closed), "Sluice-Features")).toBe(null);
    await push({ revision: revision + 1, full: false, features: [feature("feat_a")] });
    const open = await edge("/", { headers: { Cookie: cookie } });
    expect(headerOf(await echoed(open), "Sluice-Features")).toBe("feat_a=treatment");
  }
});

test.each([
  ["a wrong signature", { key: { kid: "new", secret: "a-secret-that-is-not-ours" } }],
  [
    "an unknown key",
    { key: { kid: "nobody", secret: "push-secret-of-the-tests-0123456789abcdefghijklmnop" } },
  ],
  ["an altered body", { tamper: (body: string) => body.replace("feat_x", "feat_y") }],
  ["a timestamp 301 s ago", { timestamp: nowSeconds() - 302 }],
  ["a timestamp 301 s ahead", { timestamp: nowSeconds() + 330 }],
])("a push with %s is answered 401 and changes nothing", async (_, options) => {
  const before = await health();
  const response = await push({ revision: 99, full: true, features: [feature("feat_x")] }, options);
  expect(response.status).toBe(401);
  expect((await health()).revision).toBe(before.revision);
});

test("a push that names another edge is answered 401, and one that names this edge, or an older origin's, is taken", async () => {
  const { revision } = await health();
  const message = { revision, full: false, features: [] };
  const other = await push({ ...message, audience: "other.test" });
  expect(other.status).toBe(401);
  expect(await other.text()).toContain("the push is for other.test and not for shop.test");
  expect((await push({ ...message, audience: "shop.test" })).status).toBe(200);
  expect((await push(message)).status).toBe(200);
});

test("an answer is signed for the push that named a nonce, whatever it says, and for no other", async () => {
  const { revision } = await health();
  const nonce = "nonce-of-this-push";
  for (const [at, status] of [
    [revision, 200],
    [revision - 1, 409],
  ] as const) {
    const answer = await push({ revision: at, full: false, features: [], nonce });
    expect(answer.status).toBe(status);
    const signature = parseSignature(answer.headers.get("Sluice-Signature") ?? "");
    const signed = { nonce, status, body: await answer.text() };
    expect(signature?.kid).toBe(PUSH_KEY.kid);
    const mac = await sign(PUSH_KEY.secret, answerText(signature?.timestamp ?? 0, signed));
    expect(signature?.mac).toBe(hex(mac));
  }
  const plain = await push({ revision, full: false, features: [] });
  expect(plain.headers.get("Sluice-Signature")).toBe(null);
});

test("a push without a signature is answered 401", async () => {
  expect((await edge("/.sluice/push", { method: "POST", body: "{}" })).status).toBe(401);
});

test("a push that an older key of the ring signed is taken", async () => {
  expect((await push({ revision: 31, full: false, features: [] }, { key: OLD_PUSH_KEY })).status).toBe(200);
});

test("a signed push that is not valid is answered 400 with the names of the wrong fields", async () => {
  const response = await push({ revision: -1, full: "yes", features: [feature("feat a")] });
  expect(response.status).toBe(400);
  const { detail } = await response.json<{ detail: string }>();
  expect(detail).toContain("revision");
  expect(detail).toContain("full");
  expect(detail).toContain("features.0.featureId");
});

test("an older revision is answered 409 with the edge's own revision, and changes nothing", async () => {
  const response = await push({ revision: 5, full: true, features: [feature("feat_old")] });
  expect(response.status).toBe(409);
  expect(await response.json()).toEqual({ revision: 31 });
  expect((await health()).features).toBe(1);
});

test("an equal revision is acknowledged again", async () => {
  expect((await push({ revision: 31, full: false, features: [] })).status).toBe(200);
});

test("a push that builds on a revision that the edge never had is answered 409 with its own", async () => {
  const response = await push({ revision: 40, since: 39, full: false, features: [feature("feat_b")] });
  expect(response.status).toBe(409);
  expect(await response.json()).toEqual({ revision: 31 });
});

test("a push of more than 4 MiB is answered 413", async () => {
  expect((await push({ revision: 41, full: true, features: ["x".repeat(4_300_000)] })).status).toBe(413);
});

test.each([null, {}, [], undefined])(
  "%j means none for targeting, routes, gate and activation",
  async (none) => {
    const { revision } = await health();
    const fields = { targeting: none, routes: none, gate: none, activation: none, failureMode: "static" };
    const response = await push({
      revision: revision + 1,
      full: true,
      features: [feature("feat_n", fields)],
    });
    expect(response.status).toBe(200);
    expect(headerOf(await echoed(await edge("/any/where")), "Sluice-Features")).toBe("feat_n=treatment");
  },
);

test("fields of a newer origin that this edge does not know are left out, not refused", async () => {
  const { revision } = await health();
  const features = [feature("feat_n", { enabled: false, somethingNew: { a: 1 } })];
  expect((await push({ revision: revision + 1, full: false, features, other: 1 })).status).toBe(200);
  expect(headerOf(await echoed(await edge("/")), "Sluice-Features")).toBe(null);
});

test("removed features and features missing from a full push are gone", async () => {
  const { revision } = await health();
  const features = [feature("feat_1"), feature("feat_2"), feature("feat_3")];
  await push({ revision: revision + 1, full: true, features });
  await push({ revision: revision + 2, full: false, features: [], removed: ["feat_2"] });
  expect(headerOf(await echoed(await edge("/")), "Sluice-Features")).toBe(
    "feat_1=treatment, feat_3=treatment",
  );
  await push({ revision: revision + 3, full: true, features: [feature("feat_3")] });
  expect(headerOf(await echoed(await edge("/")), "Sluice-Features")).toBe("feat_3=treatment");
});

/** A body that ends when it is told to. */
const unfinished = (): { body: ReadableStream<Uint8Array>; finish: () => void } => {
  let isOver = false;
  const body = new ReadableStream<Uint8Array>({
    pull: async (controller) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      if (isOver) controller.close();
      else controller.enqueue(new Uint8Array(1_024).fill(0x20));
    },
  });
  return {
    body,
    finish: () => {
      isOver = true;
    },
  };
};

/** What an origin says of itself beside the signature of a body. */
const senderOf = async (headers: { "Sluice-Signature": string }, secret = PUSH_KEY.secret) => {
  const signature = parseSignature(headers["Sluice-Signature"]);
  if (signature === null) throw new Error("no signature");
  return { ...headers, "Sluice-Sender": hex(await sign(secret, senderText(signature))) };
};

test("the body of a push is not waited for if its sender does not hold the key", async () => {
  const { body, finish } = unfinished();
  const headers = await senderOf(await signatureOf("{}"), "a-secret-that-is-not-ours");
  const response = await edge("/.sluice/push", { method: "POST", headers, body });
  expect(response.status).toBe(401);
  expect(await response.text()).toContain("Sluice-Sender does not match");
  finish();
});

test("four bodies of unknown senders are read at once, a fifth is answered 503, and the origin's own push is taken", async () => {
  const bodies = Array.from({ length: 4 }, unfinished);
  const slow = bodies.map(async ({ body }) =>
    edge("/.sluice/push", { method: "POST", headers: await signatureOf("{}"), body }),
  );
  await new Promise((resolve) => setTimeout(resolve, 50));
  const { revision } = await health();
  const body = JSON.stringify({ revision, full: false, features: [] });
  const unproven = await signatureOf(body);
  const fifth = await edge("/.sluice/push", { method: "POST", headers: unproven, body });
  expect(fifth.status).toBe(503);
  const headers = await senderOf(unproven);
  expect((await edge("/.sluice/push", { method: "POST", headers, body })).status).toBe(200);
  for (const { finish } of bodies) finish();
  expect((await Promise.all(slow)).map(({ status }) => status)).toEqual([401, 401, 401, 401]);
  expect((await edge("/.sluice/push", { method: "POST", headers: unproven, body })).status).toBe(200);
});
