import { describe, expect, test } from "vitest";
import { MAX_PARTS, PushMessage } from "../../shared/snapshot/push-message.ts";
import { issuesOf } from "../support/issues.ts";

const message = { revision: 7, full: false, features: [] };

describe("a push", () => {
  test("names its revision, and may name what was removed and what it builds on", () => {
    expect(PushMessage.parse(message)).toEqual({ ...message, removed: [] });
    expect(PushMessage.parse({ ...message, removed: ["feat_a"], since: 6 })).toEqual({
      ...message,
      removed: ["feat_a"],
      since: 6,
    });
  });

  test("may hold fields of a newer origin, which this edge leaves out", () => {
    expect(PushMessage.parse({ ...message, later: 1 })).not.toHaveProperty("later");
  });

  test.each([
    ["revision", undefined],
    ["revision", -1],
    ["full", undefined],
    ["full", "true"],
    ["features", undefined],
    ["features", {}],
    ["removed", ["a b"]],
    ["removed", "feat_a"],
    ["since", -1],
    ["since", null],
  ])("whose %s is %j is refused", (field, value) => {
    expect(issuesOf(PushMessage, { ...message, [field]: value })).toEqual([
      expect.stringMatching(new RegExp(`^${field}`)),
    ]);
  });

  test("with a wrong feature is refused with its place, its field and why", () => {
    const features = [{ featureId: "feat_a", enabled: true, rolloutBps: -1, version: 1 }];
    const { error } = PushMessage.safeParse({ ...message, features });
    expect(error?.issues).toEqual([
      { code: "custom", path: ["features", 0, "rolloutBps"], message: expect.stringMatching(/basis points/) },
    ]);
  });
});

describe("what a push says beside its features", () => {
  const part = { id: "m", index: 0, count: 1, full: true };
  const close = { featureId: "feat_a", epoch: 0, version: 0 };
  const most = 2_147_483_647;
  const head = "0123456789abcdef".repeat(4);
  const point = { lineage: "-_azAZ09", revision: 3, head };

  test.each([
    ["part", part],
    ["part", { ...part, id: "m".repeat(64), index: MAX_PARTS - 1, count: MAX_PARTS, full: false, since: 0 }],
    ["closes", []],
    ["closes", [close, { featureId: "feat_b", epoch: most, version: most }]],
    ["lineage", "l"],
    ["lineage", "l".repeat(64)],
    ["head", head],
    ["head", ""],
    ["sinceHead", head],
    ["replaces", point],
    ["asks", true],
    ["audience", "a".repeat(300)],
    ["nonce", "n".repeat(16)],
    ["nonce", `-_09azAZ${"n".repeat(56)}`],
  ])("is read as it stands: %s %j", (field, value) => {
    expect(PushMessage.parse({ ...message, [field]: value })).toMatchObject({ [field]: value });
  });

  test("has at most 1,000 parts", () => {
    expect(MAX_PARTS).toBe(1_000);
  });

  test.each([
    ["part.id", { part: { ...part, id: "" } }],
    ["part.id", { part: { ...part, id: "m".repeat(65) } }],
    ["part.id", { part: { ...part, id: undefined } }],
    ["part.index", { part: { ...part, index: -1 } }],
    ["part.index", { part: { ...part, index: 0.5 } }],
    ["part.index", { part: { ...part, index: MAX_PARTS } }],
    ["part.index", { part: { ...part, index: undefined } }],
    ["part.count", { part: { ...part, count: 0 } }],
    ["part.count", { part: { ...part, count: 1.5 } }],
    ["part.count", { part: { ...part, count: MAX_PARTS + 1 } }],
    ["part.count", { part: { ...part, count: undefined } }],
    ["part.full", { part: { ...part, full: undefined } }],
    ["part.since", { part: { ...part, since: -1 } }],
    ["closes.0.featureId", { closes: [{ ...close, featureId: "a b" }] }],
    ["closes.0.epoch", { closes: [{ ...close, epoch: -1 }] }],
    ["closes.0.epoch", { closes: [{ ...close, epoch: 0.5 }] }],
    ["closes.0.epoch", { closes: [{ ...close, epoch: most + 1 }] }],
    ["closes.0.version", { closes: [{ ...close, version: undefined }] }],
    ["lineage", { lineage: "" }],
    ["lineage", { lineage: "l".repeat(65) }],
    ["lineage", { lineage: "l.l" }],
    ["lineage", { lineage: "=l" }],
    ["lineage", { lineage: "l=" }],
    ["head", { head: head.slice(1) }],
    ["head", { head: `${head}0` }],
    ["sinceHead", { sinceHead: head.toUpperCase() }],
    ["replaces.revision", { replaces: { ...point, revision: undefined } }],
    ["replaces.lineage", { replaces: { ...point, lineage: undefined } }],
    ["replaces.head", { replaces: { ...point, head: undefined } }],
    ["asks", { asks: 1 }],
    ["audience", { audience: "a".repeat(301) }],
    ["nonce", { nonce: "n".repeat(15) }],
    ["nonce", { nonce: "n".repeat(65) }],
    ["nonce", { nonce: `n=${"n".repeat(16)}` }],
    ["nonce", { nonce: `${"n".repeat(16)}=` }],
  ])("is refused by the name of the field %s: %j", (path, fields) => {
    expect(issuesOf(PushMessage, { ...message, ...fields })).toEqual([
      expect.stringMatching(new RegExp(`^${path}: `)),
    ]);
  });
});
