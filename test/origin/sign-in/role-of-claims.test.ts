// From claims to a role, and to a person's name.
import { describe, expect, test } from "vitest";
import { personOf } from "../../../origin/sign-in/person-of-claims.ts";
import { claimAt, roleOf, roleValues } from "../../../origin/sign-in/role-of-claims.ts";

const rules = [
  { role: "admin", value: "platform" },
  { role: "editor", value: "product" },
  { role: "viewer", value: "*" },
] as const;

test.each([
  [{ roles: ["a"] }, "roles", ["a"]],
  [{ realm_access: { roles: ["a", "b"] } }, "realm_access.roles", ["a", "b"]],
  [{ "https://example.com/roles": "a" }, "https://example.com/roles", "a"],
  [{ "a.b": 1, a: { b: 2 } }, "a.b", 1],
  [{}, "constructor", undefined],
  [{ a: {} }, "a.toString", undefined],
  [{ a: ["b"] }, "a.0", undefined],
  [{ a: null }, "a.b", undefined],
])("in %j the claim %s is %j", (claims, name, value) => {
  expect(claimAt(claims, name)).toEqual(value);
});

test.each([
  [["platform", "product"], "admin"],
  [["product"], "editor"],
  [["PLATFORM", "platform ", "plat"], "viewer"],
  [[], "viewer"],
])("%j is %s: texts count as they are, and the greatest role wins", (values, role) => {
  expect(roleOf(values, rules)).toBe(role);
});

test("without a rule that fits there is no role", () => {
  expect(roleOf(["sales", "*"], [{ role: "admin", value: "platform" }])).toBe(null);
  expect(roleOf([], [])).toBe(null);
});

test("only texts are values, and an address only if the provider has verified it", () => {
  expect(roleValues({ roles: ["a", 7, null, { b: "c" }, true] }, ["roles"])).toEqual(["a"]);
  expect(roleValues({ roles: { a: "b" } }, ["roles"])).toEqual([]);
  const email = "ada@example.com";
  expect(roleValues({ email, email_verified: true, hd: "example.com" }, ["email", "hd"])).toEqual([
    email,
    "example.com",
  ]);
  for (const verified of [false, undefined, "true", 1])
    expect(roleValues({ email, email_verified: verified }, ["email"])).toEqual([]);
});

describe("a person", () => {
  test("is named by the address in small letters, else by the provider's own name", () => {
    expect(personOf({ sub: "1", email: "Ada@Example.COM" })).toMatchObject({
      ok: true,
      value: { actor: "user:ada@example.com", subject: "1", providerSession: null },
    });
    expect(personOf({ sub: "1", sid: "s", email: null })).toMatchObject({
      ok: true,
      value: { actor: "user:1", providerSession: "s" },
    });
  });

  test.each([
    [{}, "sub"],
    [{ sub: "" }, "sub"],
    [{ sub: "ü" }, "sub"],
    [{ sub: "a".repeat(256) }, "sub"],
    [{ sub: "1", email: 7 }, "email"],
    [{ sub: "1", email: "" }, "email"],
    [{ sub: "1", email: "a b@example.com" }, "email"],
    [{ sub: "1", email: "a@b@example.com" }, "email"],
    [{ sub: "1", email: "a@exa\u200bmple.com" }, "email"],
  ])("of %j is nobody, for its %s", (claims, claim) => {
    const person = personOf(claims);
    expect(person.ok ? "" : person.error).toContain(`claim ${claim}`);
  });
});
