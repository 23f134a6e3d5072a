import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { makeBelieveAhead, makeSendAndCheck } from "../../../origin/delivery/edges/believe-answers.ts";
import { readAnswer } from "../../../origin/delivery/edges/read-answer.ts";
import type { PushAnswer } from "../../../origin/delivery/edges/send-push.ts";
import { Revision } from "../../../shared/ids.ts";
import { KeyRing } from "../../../shared/signing/key-ring.ts";
import { answerText, formatSignature } from "../../../shared/signing/push-signature.ts";

const keys = KeyRing.parse(
  "k1:a-secret-of-sixteen-or-more-0123456789abcdefghijklmnop,k0:the-older-secret-of-it-0123456789abcdefghijklmnop",
);
const NONCE = "0123456789abcdef";
const expected = { message: { revision: Revision.parse(7) }, nonce: NONCE, key: keys[0] };

const signed = (status: number, text: string, { nonce = NONCE, key = keys[0] } = {}) => ({
  status,
  text,
  signature: formatSignature({
    timestamp: 1,
    kid: key.kid,
    mac: createHmac("sha256", key.secret)
      .update(answerText(1, { nonce, status, body: text }))
      .digest("hex"),
  }),
});
const unsigned = (status: number, json: unknown) => ({ status, text: JSON.stringify(json), signature: "" });
const region = (fields: object = {}) => ({ region: "weur", revision: 7, ms: 3, ...fields });

describe("an answer", () => {
  test("that the edge signed for this push is signed", () => {
    const text = JSON.stringify({ revision: 7, regions: [region()], closed: true });
    const confirmed = {
      kind: "confirmed",
      revision: 7,
      regions: [region()],
      takesParts: true,
      isSigned: true,
      disputed: [],
    };
    expect(readAnswer(signed(200, text), expected)).toEqual(confirmed);
  });

  test.each([
    ["of another push", signed(200, '{"revision":7,"regions":[]}', { nonce: "another-nonce-16" })],
    ["with another status", { ...signed(409, '{"revision":7,"regions":[]}'), status: 200 }],
    [
      "with another text",
      { ...signed(200, '{"revision":7,"regions":[]}'), text: '{"revision":7,"regions":[ ]}' },
    ],
    [
      "with the key of another edge",
      signed(200, '{"revision":7,"regions":[]}', { key: keys[1] ?? { kid: "", secret: "" } }),
    ],
    [
      "with a key that is not ours",
      signed(409, '{"revision":7}', { key: { kid: "k1", secret: "not-our-secret" } }),
    ],
    ["with a signature that is none", { status: 409, text: '{"revision":7}', signature: "v1" }],
  ])("%s is not believed, and does not count as one without a signature", (_, answered) => {
    expect(readAnswer(answered, expected)).toMatchObject({
      kind: "failed",
      error: expect.stringContaining("signature"),
    });
  });

  test.each([
    ["a newer revision than was sent", { revision: 8, regions: [] }],
    ["an older one", { revision: 6, regions: [] }],
    ["a time below zero", { revision: 7, regions: [region({ ms: -1 })] }],
    ["a time that no column holds", { revision: 7, regions: [region({ ms: 1e300 })] }],
    ["a region's revision beyond 2^53", { revision: 7, regions: [region({ revision: 2 ** 60 })] }],
    ["a region's name of a megabyte", { revision: 7, regions: [region({ region: "r".repeat(1e6) })] }],
    ["more regions than there are", { revision: 7, regions: Array.from({ length: 3_000 }, () => region()) }],
  ])("that confirms %s is a failure", (_, json) => {
    expect(readAnswer(unsigned(200, json), expected)).toMatchObject({ kind: "failed" });
  });

  test("confirms no more for a region than was sent", () => {
    const answer = readAnswer(unsigned(200, { revision: 7, regions: [region({ revision: 9 })] }), expected);
    expect(answer).toMatchObject({ regions: [{ revision: 7 }] });
  });

  test.each([
    [413, "blocked by the firewall", { kind: "refused", error: "HTTP 413: blocked by the firewall" }],
    [401, '{"detail":"unknown kid"}', { kind: "refused", error: "HTTP 401: unknown kid" }],
    [429, "", { kind: "failed", error: "HTTP 429" }],
    [503, "{}", { kind: "failed", error: "HTTP 503" }],
    [409, '{"revision":-1}', { kind: "failed", error: expect.stringContaining("unreadable") }],
    [409, "not JSON", { kind: "failed", error: expect.stringContaining("unreadable") }],
  ])("of %i with %j is told from the network's failures by its words", (status, text, answer) => {
    expect(readAnswer({ status, text, signature: "" }, expected)).toEqual(answer);
  });
});

describe("an edge", () => {
  const answerWith = (isSigned: boolean): PushAnswer => ({ kind: "incomplete", isSigned });
  const sendAll = async (signsAnswers: boolean, ...answers: PushAnswer[]) => {
    let signatures = 0;
    const send = makeSendAndCheck({
      send: async () => answers.shift() ?? answerWith(true),
      signsAnswers,
      onFirstSignature: () => (signatures += 1),
    });
    const kinds: string[] = [];
    const count = answers.length;
    for (let i = 0; i < count; i += 1)
      kinds.push(
        (await send("http://x", { revision: Revision.parse(1), full: true, features: [], removed: [] })).kind,
      );
    return { kinds, signatures };
  };

  test("that signed once is not believed without a signature", async () => {
    expect(await sendAll(false, answerWith(false), answerWith(true), answerWith(false))).toEqual({
      kinds: ["incomplete", "incomplete", "failed"],
      signatures: 1,
    });
    expect((await sendAll(true, answerWith(false))).kinds).toEqual(["failed"]);
  });

  const head = Revision.parse(100);
  const ahead = (url: string, revision: number, isSigned = false) => ({
    url,
    revision: Revision.parse(revision),
    isSigned,
  });

  test("that is ahead is believed up to a bound, signed or not", () => {
    for (const isSigned of [true, false]) {
      const believe = makeBelieveAhead(1);
      expect(believe(ahead("a", 1_000_100, isSigned), head)).toBe(null);
      expect(believe(ahead("a", 1_000_101, isSigned), head)).toContain("not believed");
      expect(believe(ahead("a", Number.MAX_SAFE_INTEGER, isSigned), head)).toContain("not believed");
    }
  });

  test("that does not sign is not believed alone, where there are others", () => {
    const believe = makeBelieveAhead(3);
    expect(believe(ahead("a", 128), head)).toContain("not believed alone");
    expect(believe(ahead("a", 128), head)).toContain("not believed alone");
    expect(believe(ahead("b", 129), head)).toContain("not believed alone");
    expect(believe(ahead("a", 128), head)).toBe(null);
    expect(believe(ahead("c", 128, true), head)).toBe(null);
  });
});
