// Which requests are followed to their end. The draw looks at nothing but time and network, so every cohort is drawn alike.
import { makeNetworkTokenBuckets, makeTokenBucket } from "../token-bucket.ts";
import { networkOf } from "../visitor/network.ts";

/** Sampled requests a second and isolate. To time a response's body costs CPU, and most isolates have fewer requests than this. */
const SAMPLE = { perSecond: 100, burst: 20 };
/** Of one network a twentieth, so that whoever floods an isolate does not use up the sample of everybody else. */
const OF_ONE_NETWORK = { perSecond: 5, burst: 20 };

/** Whether the request is sampled. */
export type DrawSample = (request: Pick<Request, "headers">, nowMs: number) => boolean;

export const makeDrawSample = (): DrawSample => {
  const take = makeTokenBucket(SAMPLE);
  const bucketOf = makeNetworkTokenBuckets(OF_ONE_NETWORK);
  return ({ headers }, nowMs) =>
    take(nowMs, () => {
      const network = networkOf(headers.get("CF-Connecting-IP"));
      return network === null || bucketOf(network)(nowMs);
    });
};
