// Whether a process that folds is too far behind to count as ready.

/** From here on nothing is decided (origin/decide/guards.ts). */
const BEHIND_S = 60;

/**
 * A process that also takes telemetry stays ready: turned away, telemetry would be lost, and the fold would be no faster. One that
 * is there to fold is ready once it has caught up, so that a rolling restart waits for it. `lagSeconds`: null is not known yet.
 */
export const foldBehind = (
  lagSeconds: number | null,
  { takesTelemetry }: { readonly takesTelemetry: boolean },
): readonly string[] =>
  lagSeconds !== null && lagSeconds > BEHIND_S && !takesTelemetry
    ? [
        `fold: it is ${Math.round(lagSeconds)} s behind what was acknowledged, and nothing is decided meanwhile`,
      ]
    : [];
