import { expect, test } from "vitest";
import { bearerToken, sameSecret } from "../../../origin/runtime/secrets.ts";

test("secrets are the same only letter for letter, whatever their lengths", () => {
  expect(sameSecret("token-1", "token-1")).toBe(true);
  for (const other of ["token-2", "token-", "token-11", "", "Token-1"])
    expect(sameSecret(other, "token-1")).toBe(false);
});

test("the token is read from a Bearer header of any case, and from no other", () => {
  expect(bearerToken("Bearer abc")).toBe("abc");
  expect(bearerToken("bearer   abc  ")).toBe("abc");
  for (const header of [
    undefined,
    "",
    "Bearer",
    "Bearer ",
    "Bearerabc",
    "Basic abc",
    "a Bearer abc",
    "abc",
    "Bearer a b",
  ])
    expect(bearerToken(header)).toBeUndefined();
});
