// A key ring from configuration, `kid:secret,kid:secret`: the first key signs, all verify.
import * as z from "zod";

export type Key = { readonly kid: string; readonly secret: string };
export type KeyRing = readonly [Key, ...Key[]];

const form =
  "must be kid:secret[,kid:secret…], each kid 1–32 of A-Z a-z 0-9 _ - and each secret at least 8 characters";

export const KeyRing = z.string(form).transform((text, context): KeyRing => {
  const keys = text.split(",").map((entry) => {
    const [kid = "", ...secret] = entry.split(":");
    return { kid: kid.trim(), secret: secret.join(":").trim() };
  });
  const [first, ...rest] = keys;
  const wellFormed = keys.every((key) => /^[A-Za-z0-9_-]{1,32}$/.test(key.kid) && key.secret.length >= 8);
  const unique = new Set(keys.map((key) => key.kid)).size === keys.length;
  if (first === undefined || !wellFormed || !unique) {
    context.issues.push({ code: "custom", message: unique ? form : "must not name a kid twice", input: "" });
    return z.NEVER;
  }
  return [first, ...rest];
});
