import { describe, expect, test } from "vitest";
import { KeyRing } from "../../shared/signing/key-ring.ts";
import { issuesOf } from "../support/issues.ts";

test("the first key signs, and the others follow in their order", () => {
  expect(KeyRing.parse("new:eight-ch,old:older-secret,k3:oldest-secret")).toEqual([
    { kid: "new", secret: "eight-ch" },
    { kid: "old", secret: "older-secret" },
    { kid: "k3", secret: "oldest-secret" },
  ]);
});

test("spaces around keys are no part of them, and a secret may have colons", () => {
  expect(KeyRing.parse(" new :a:secret:with:colons , old: other-secret ")).toEqual([
    { kid: "new", secret: "a:secret:with:colons" },
    { kid: "old", secret: "other-secret" },
  ]);
});

test("a key id may have 1 to 32 characters, a secret 8 and more", () => {
  expect(issuesOf(KeyRing, "k:12345678")).toEqual([]);
  expect(issuesOf(KeyRing, `${"k".repeat(32)}:12345678`)).toEqual([]);
});

describe("a ring is refused with the form it should have when", () => {
  test.each([
    { title: "there is no key", text: "" },
    { title: "a key has no id", text: ":12345678" },
    { title: "a key id is too long", text: `${"k".repeat(33)}:12345678` },
    { title: "a key id begins with a character that it may not have", text: "!k:12345678" },
    { title: "a key id ends with a character that it may not have", text: "k!:12345678" },
    { title: "a secret is too short", text: "k:1234567" },
    { title: "a key has no secret", text: "k" },
    { title: "one of several keys is wrong", text: "k1:12345678,k2:1234567" },
  ])("$title", ({ text }) => {
    expect(issuesOf(KeyRing, text)).toEqual([expect.stringMatching(/^: must be kid:secret/)]);
  });
});

test("two keys of one id are refused by name of that fault", () => {
  expect(issuesOf(KeyRing, "k:12345678,k:87654321")).toEqual([expect.stringMatching(/kid twice/)]);
});

test("an error does not repeat the secrets", () => {
  const parsed = KeyRing.safeParse("k:hush");
  expect(JSON.stringify(parsed.error?.issues)).not.toContain("hush");
  expect(parsed.error?.issues[0]?.code).toBe("custom");
});
