import { describe, expect, test } from "vitest";
import { PushMessage } from "../../shared/snapshot/push-message.ts";
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
