import { randomBytes } from "node:crypto";
import { describe, expect, test } from "vitest";
import { KeyRing } from "../../shared/signing/key-ring.ts";
import { issuesOf } from "../support/issues.ts";

const LONG = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG";
const OTHER = LONG.toUpperCase();

test("the first key signs, and the others follow in their order", () => {
  expect(KeyRing.parse(`new:${LONG},old:${OTHER},k3:${LONG}=`)).toEqual([
    { kid: "new", secret: LONG },
    { kid: "old", secret: OTHER },
    { kid: "k3", secret: `${LONG}=` },
  ]);
});

test("spaces around keys are no part of them", () => {
  expect(KeyRing.parse(` new :${LONG} , old: ${OTHER} `)).toEqual([
    { kid: "new", secret: LONG },
    { kid: "old", secret: OTHER },
  ]);
});

test("a key id may have 1 to 32 characters", () => {
  expect(issuesOf(KeyRing, `k:${LONG}`)).toEqual([]);
  expect(issuesOf(KeyRing, `${"k".repeat(32)}:${LONG}`)).toEqual([]);
});

test.each(["base64", "base64url", "hex"] as const)(
  "a secret may be 32 random bytes as %s, and no fewer",
  (form) => {
    for (let i = 0; i < 200; i++)
      expect(issuesOf(KeyRing, `k:${randomBytes(32).toString(form)}`)).toEqual([]);
    for (const bytes of [24, 30])
      expect(issuesOf(KeyRing, `k:${randomBytes(bytes).toString(form)}`)).toHaveLength(1);
  },
);

describe("a ring is refused with the form it should have, and the command that makes a secret, when", () => {
  test.each([
    { title: "there is no key", text: "" },
    { title: "a key has no id", text: `:${LONG}` },
    { title: "a key id is too long", text: `${"k".repeat(33)}:${LONG}` },
    { title: "a key id begins with a character that it may not have", text: `!k:${LONG}` },
    { title: "a key id ends with a character that it may not have", text: `k!:${LONG}` },
    { title: "a secret has 42 characters", text: `k:${LONG.slice(1)}` },
    { title: "a secret has 63 hexadecimal digits", text: `k:${"0123456789abcdef".repeat(4).slice(1)}` },
    { title: "a secret is a phrase", text: "k:correct horse battery staple correct horse battery staple" },
    { title: "a secret is one letter many times", text: `k:${"a".repeat(64)}` },
    { title: "a secret is a short word many times", text: `k:${"sluice".repeat(20)}` },
    { title: "a key has no secret", text: "k" },
    { title: "one of several keys is wrong", text: `k1:${LONG},k2:short` },
  ])("$title", ({ text }) => {
    expect(issuesOf(KeyRing, text)).toEqual([
      expect.stringMatching(/^: must be kid:secret.*`openssl rand -base64 32`/),
    ]);
  });
});

test("two keys of one id are refused by name of that fault", () => {
  expect(issuesOf(KeyRing, `k:${LONG},k:${OTHER}`)).toEqual([expect.stringMatching(/kid twice/)]);
});

test("an error does not repeat the secrets", () => {
  const parsed = KeyRing.safeParse("k:hush");
  expect(JSON.stringify(parsed.error?.issues)).not.toContain("hush");
  expect(parsed.error?.issues[0]?.code).toBe("custom");
});
