// Limits how often something happens: `perSecond` on average, and `burst` at once.

export type TakeToken = (nowMs: number) => boolean;

export const makeTokenBucket = ({ perSecond, burst }: { perSecond: number; burst: number }): TakeToken => {
  let tokens = burst;
  let atMs = 0;
  return (nowMs) => {
    tokens = Math.min(burst, tokens + (Math.max(0, nowMs - atMs) * perSecond) / 1_000);
    atMs = nowMs;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
};
