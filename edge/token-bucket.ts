// Limits how often something happens: `perSecond` on average, and `burst` at once.

/** Whether there is a token; it is taken then, unless `isWanted`, which is asked only while there is one, says no. */
export type TakeToken = (nowMs: number, isWanted?: () => boolean) => boolean;

type Limit = { readonly perSecond: number; readonly burst: number };

export const makeTokenBucket = ({ perSecond, burst }: Limit): TakeToken => {
  let tokens = burst;
  let atMs = 0;
  return (nowMs, isWanted) => {
    tokens = Math.min(burst, tokens + (Math.max(0, nowMs - atMs) * perSecond) / 1_000);
    atMs = nowMs;
    if (tokens < 1 || isWanted?.() === false) return false;
    tokens -= 1;
    return true;
  };
};

/** Networks that are counted at the same time, in two generations; a network that has been away for long begins anew. */
const GENERATION = 5_000;

/** One for each network. */
export const makeNetworkTokenBuckets = (limit: Limit): ((network: string) => TakeToken) => {
  let young = new Map<string, TakeToken>();
  let old = new Map<string, TakeToken>();
  return (network) => {
    const known = young.get(network);
    if (known !== undefined) return known;
    if (young.size >= GENERATION) {
      old = young;
      young = new Map();
    }
    const bucket = old.get(network) ?? makeTokenBucket(limit);
    young.set(network, bucket);
    return bucket;
  };
};
