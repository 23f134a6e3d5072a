import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  answerText,
  formatSignature,
  parseSignature,
  SIGNATURE_TOLERANCE_S,
  signedText,
} from "../../shared/signing/push-signature.ts";

const mac = "0123456789abcdef".repeat(4);
const header = `t=1764000000,kid=k_1,v1=${mac}`;

test("time, key id and MAC stand in the header in this order", () => {
  expect(formatSignature({ timestamp: 1_764_000_000, kid: "k_1", mac })).toBe(header);
  expect(parseSignature(header)).toEqual({ timestamp: 1_764_000_000, kid: "k_1", mac });
});

test("whatever was written is read", () => {
  const signature = fc.record({
    timestamp: fc.nat(999_999_999_999),
    kid: fc.stringMatching(/^[A-Za-z0-9_-]{1,32}$/),
    mac: fc.stringMatching(/^[0-9a-f]{64}$/),
  });
  fc.assert(
    fc.property(signature, (each) => {
      expect(parseSignature(formatSignature(each))).toEqual(each);
    }),
  );
});

test("the MAC is about time and body, with a dot between them", () => {
  expect(signedText(1_764_000_000, '{"revision":7}')).toBe('1764000000.{"revision":7}');
});

test("the MAC of an answer is about time, nonce, status and body, and says that it is an answer", () => {
  expect(answerText(1_764_000_000, { nonce: "n_1", status: 200, body: "{}" })).toBe(
    "1764000000.push-answer.n_1.200.{}",
  );
});

test("the sender's clock may be five minutes off", () => {
  expect(SIGNATURE_TOLERANCE_S).toBe(300);
});

describe("a header is read only when nothing is missing and nothing is added", () => {
  test.each([
    { title: "no time", text: `kid=k_1,v1=${mac}` },
    { title: "an empty time", text: `t=,kid=k_1,v1=${mac}` },
    { title: "a time of 13 digits", text: `t=1764000000000,kid=k_1,v1=${mac}` },
    { title: "a negative time", text: `t=-1,kid=k_1,v1=${mac}` },
    { title: "no key id", text: `t=1764000000,v1=${mac}` },
    { title: "an empty key id", text: `t=1764000000,kid=,v1=${mac}` },
    { title: "a key id of 33 characters", text: `t=1764000000,kid=${"k".repeat(33)},v1=${mac}` },
    { title: "a key id with a space", text: `t=1764000000,kid=k 1,v1=${mac}` },
    { title: "no MAC", text: "t=1764000000,kid=k_1" },
    { title: "an empty MAC", text: "t=1764000000,kid=k_1,v1=" },
    { title: "a MAC that is too short", text: header.slice(0, -1) },
    { title: "a MAC that is too long", text: `${header}0` },
    { title: "a MAC in upper case", text: `t=1764000000,kid=k_1,v1=${mac.toUpperCase()}` },
    { title: "something before it", text: ` ${header}` },
    { title: "something after it", text: `${header},v2=1` },
    { title: "another order", text: `kid=k_1,t=1764000000,v1=${mac}` },
    { title: "nothing", text: "" },
  ])("$title is refused", ({ text }) => {
    expect(parseSignature(text)).toBe(null);
  });

  test.each([
    { title: "the longest time and key id are", text: `t=999999999999,kid=${"k".repeat(32)},v1=${mac}` },
    { title: "the shortest time and key id are", text: `t=0,kid=k,v1=${mac}` },
  ])("$title accepted", ({ text }) => {
    expect(parseSignature(text)).not.toBe(null);
  });
});
