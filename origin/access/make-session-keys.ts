// Keys of sessions for this run, where none are configured.
import { randomBytes } from "node:crypto";
import type { KeyRing } from "../../shared/signing/key-ring.ts";

export const makeSessionKeys = (): KeyRing => [{ kid: "run", secret: randomBytes(32).toString("base64url") }];
