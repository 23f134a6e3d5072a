// How often one unit may send something: 20 times in 10 s.
import type { UnitId } from "../../shared/ids.ts";

const WINDOW_MS = 10_000;
const MAX_A_WINDOW = 20;
/** Units that are counted at the same time; beyond, counting begins anew. */
const MAX_UNITS = 10_000;

/** Whether a unit may send again at `nowMs`. */
export type RateLimit = (unitId: UnitId, nowMs: number) => boolean;

export const makeRateLimit = (): RateLimit => {
  let counts = new Map<UnitId, number>();
  let windowEndsMs = 0;
  return (unitId, nowMs) => {
    if (nowMs >= windowEndsMs || counts.size >= MAX_UNITS) {
      counts = new Map();
      windowEndsMs = nowMs + WINDOW_MS;
    }
    const count = (counts.get(unitId) ?? 0) + 1;
    counts.set(unitId, count);
    return count <= MAX_A_WINDOW;
  };
};
