// Secrets of hooks: made here, or given where the alerting system makes them.
import { randomBytes } from "node:crypto";
import type { Source } from "./hook.ts";

/** 256 random bits, in the form that the sender takes: Standard Webhooks has its own. */
export const newSecret = (source: Source): string =>
  source === "generic"
    ? `whsec_${randomBytes(32).toString("base64")}`
    : `sluice_hook_${randomBytes(32).toString("base64url")}`;

/** What is wrong with a secret that was given; null: nothing. */
export const secretFault = (source: Source, secret: string): string | null => {
  if (!/^[\u0021-\u007e]{16,256}$/.test(secret))
    return "must be 16 to 256 printable ASCII characters without spaces";
  if (source === "generic" && !/^whsec_[A-Za-z0-9+/]{32,}={0,2}$/.test(secret))
    return "must be whsec_ and at least 24 bytes in base64 (Standard Webhooks)";
  return null;
};
