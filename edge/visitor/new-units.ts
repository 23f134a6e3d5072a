// How many new visitors one network can make. Each address that comes without a cookie is a new one, so without a limit
// one machine would be thousands of people.
import { makeTokenBucket, type TakeToken } from "../token-bucket.ts";
import { networkOf } from "./network.ts";

/** Whether one more may be made. */
export type AllowNewUnit = (request: Request, nowMs: number) => boolean;

/** Networks that are counted at the same time, in two generations; a network that has been away for long begins anew. */
const GENERATION = 5_000;

export const makeAllowNewUnit = (perMinute: number): AllowNewUnit => {
  let young = new Map<string, TakeToken>();
  let old = new Map<string, TakeToken>();

  const bucketOf = (network: string): TakeToken => {
    const known = young.get(network);
    if (known !== undefined) return known;
    if (young.size >= GENERATION) {
      old = young;
      young = new Map();
    }
    const bucket = old.get(network) ?? makeTokenBucket({ perSecond: perMinute / 60, burst: perMinute });
    young.set(network, bucket);
    return bucket;
  };

  return ({ headers }, nowMs) => {
    const network = networkOf(headers.get("CF-Connecting-IP"));
    return network === null || bucketOf(network)(nowMs);
  };
};
