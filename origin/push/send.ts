// One signed push to one edge, and what its answer means.
import { createHmac } from "node:crypto";
import { z } from "zod";
import type { PushMessage } from "../../shared/feature.ts";
import { Revision } from "../../shared/ids.ts";
import type { KeyRing } from "../../shared/keys.ts";
import { formatSignature, signedText } from "../../shared/signature.ts";

export type RegionReceipt = {
  readonly region: string;
  readonly revision: Revision;
  /** From the hub's taking of the push to the region's confirmation. */
  readonly ms: number;
};

export type PushAnswer =
  | { readonly kind: "confirmed"; readonly revision: Revision; readonly regions: readonly RegionReceipt[] }
  /** The edge has another revision than the message builds on, or a newer one. */
  | { readonly kind: "out-of-step"; readonly revision: Revision }
  | { readonly kind: "failed"; readonly error: string };

const Confirmed = z.object({
  revision: Revision,
  regions: z.array(z.object({ region: z.string(), revision: Revision, ms: z.number() })),
});
const OutOfStep = z.object({ revision: Revision.nullable() });

/** Longer than a hub waits for its regions, shorter than a person's patience. */
const TIMEOUT_MS = 5_000;

export type Send = (url: string, message: PushMessage) => Promise<PushAnswer>;

const answerOf = async (response: Response): Promise<PushAnswer> => {
  if (response.status === 200) return { kind: "confirmed", ...Confirmed.parse(await response.json()) };
  if (response.status === 409) {
    const { revision } = OutOfStep.parse(await response.json());
    return { kind: "out-of-step", revision: revision ?? Revision.parse(0) };
  }
  await response.body?.cancel();
  return { kind: "failed", error: `HTTP ${response.status}` };
};

/** Signs with the first key. Never throws: what goes wrong is an answer of kind "failed". */
export const makeSend =
  ({ keys, fetch, now }: { keys: KeyRing; fetch: typeof globalThis.fetch; now: () => number }): Send =>
  async (url, message) => {
    const [{ kid, secret }] = keys;
    const body = JSON.stringify(message);
    const timestamp = Math.floor(now() / 1000);
    const mac = createHmac("sha256", secret).update(signedText(timestamp, body)).digest("hex");
    try {
      return await answerOf(
        await fetch(new URL("/.sluice/push", url), {
          method: "POST",
          headers: {
            "content-type": "application/json",
            "sluice-signature": formatSignature({ timestamp, kid, mac }),
          },
          body,
          redirect: "error",
          signal: AbortSignal.timeout(TIMEOUT_MS),
        }),
      );
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
      return { kind: "failed", error: `${String(error)}${cause}` };
    }
  };
