// A key ring from configuration, `kid:secret,kid:secret`: the first key signs, all verify.
import * as z from "zod";

export type Key = { readonly kid: string; readonly secret: string };
export type KeyRing = readonly [Key, ...Key[]];

/** Shorter or guessable secrets could be found from one signature, without asking anybody. */
const SECRET_BYTES = 32;
/** Fewer different digits or letters are no chance (below 1 in 10¹²), but a word or a key on the keyboard. */
const MIN_DIFFERENT = 10;

const form =
  "must be kid:secret[,kid:secret…], each kid 1–32 of A-Z a-z 0-9 _ - and each secret at least 32 random bytes as base64 or hex, as `openssl rand -base64 32` makes them";

/** Whether a text can be 32 random bytes, as base64 or hex. */
export const isRandomSecret = (text: string): boolean => {
  const characters = /^[0-9a-f]+$/i.test(text) ? SECRET_BYTES * 2 : Math.ceil((SECRET_BYTES * 8) / 6);
  const digits = /^([A-Za-z0-9+/_-]+)={0,2}$/.exec(text)?.[1] ?? "";
  return digits.length >= characters && new Set(digits).size >= MIN_DIFFERENT;
};

export const KeyRing = z.string(form).transform((text, context): KeyRing => {
  const keys = text.split(",").map((entry) => {
    const [kid = "", ...secret] = entry.split(":");
    return { kid: kid.trim(), secret: secret.join(":").trim() };
  });
  const [first, ...rest] = keys;
  const wellFormed = keys.every((key) => /^[A-Za-z0-9_-]{1,32}$/.test(key.kid) && isRandomSecret(key.secret));
  const unique = new Set(keys.map((key) => key.kid)).size === keys.length;
  if (first === undefined || !wellFormed || !unique) {
    context.issues.push({ code: "custom", message: unique ? form : "must not name a kid twice", input: "" });
    return z.NEVER;
  }
  return [first, ...rest];
});
