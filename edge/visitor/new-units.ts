// How many new visitors one network can make. Each address that comes without a cookie is a new one, so without a limit
// one machine would be thousands of people.
import { makeNetworkTokenBuckets } from "../token-bucket.ts";
import { networkOf } from "./network.ts";

/** Whether one more may be made. */
export type AllowNewUnit = (request: Pick<Request, "headers">, nowMs: number) => boolean;

export const makeAllowNewUnit = (perMinute: number): AllowNewUnit => {
  const bucketOf = makeNetworkTokenBuckets({ perSecond: perMinute / 60, burst: perMinute });
  return ({ headers }, nowMs) => {
    const network = networkOf(headers.get("CF-Connecting-IP"));
    return network === null || bucketOf(network)(nowMs);
  };
};
