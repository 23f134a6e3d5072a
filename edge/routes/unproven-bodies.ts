// Bodies that are read before their sender is known. A push of an older origin does not say by Sluice-Sender that it comes
// from a holder of the key; its signature is of its body, so anybody can have one read, and few are at the same time.
import { err, type Result } from "../../shared/result.ts";
import { within } from "../waiting.ts";
import { readBody, type BodyError } from "./read-body.ts";

const AT_ONCE = 4;
const WITHIN_MS = 10_000;

export type UnprovenError =
  | { readonly reason: "busy" }
  | { readonly reason: "slow"; readonly withinMs: number };

export type ReadUnproven = (
  request: Request,
  maxBytes: number,
) => Promise<Result<string, BodyError | UnprovenError>>;

export const makeReadUnproven = ({ withinMs = WITHIN_MS } = {}): ReadUnproven => {
  let reading = 0;
  return async (request, maxBytes) => {
    if (reading >= AT_ONCE) return err({ reason: "busy" });
    reading++;
    const body = readBody(request, maxBytes);
    try {
      return await within(withinMs, body, "body").catch(() => err({ reason: "slow", withinMs } as const));
    } finally {
      reading--;
    }
  };
};
