// The nats-server of Debian's next release, for the tests: that of Debian 12 is 2.9.10, whose replicas can come to differ, and the
// docs recommend a newer one. It lies beside the caches of other tools and changes nothing of the system.
import { accessSync, constants } from "node:fs";
import { fileURLToPath } from "node:url";

export const NEWER_NATS = fileURLToPath(new URL("../node_modules/.cache/nats-server", import.meta.url));

/** Undefined where it could not be had (fetch-newer-nats.ts says why): the system's is taken then. */
export const newerNats = (): string | undefined => {
  try {
    accessSync(NEWER_NATS, constants.X_OK);
    return NEWER_NATS;
  } catch {
    return undefined;
  }
};
