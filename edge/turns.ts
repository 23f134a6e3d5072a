// Background work of an isolate, such as watching the replica or sending spans, runs within a request, and the platform
// cancels it 30 s after that request's response. So requests take turns: one does the work, a later one takes over.

export type Turn = {
  /** false: another request has taken over, and this one stops. */
  readonly isMine: () => boolean;
  /** Until `endsAtMs` no other request takes over. */
  readonly holdUntil: (endsAtMs: number) => void;
  /** Lets the next request take over at once. */
  readonly end: () => void;
};

/** `takeTurn(nowMs, endsAtMs)`; null: another request's turn lasts. */
export type TakeTurn = (nowMs: number, endsAtMs: number) => Turn | null;

export const makeTurns = (): TakeTurn => {
  let turns = 0;
  let turnEndsAtMs = 0;
  return (nowMs, endsAtMs) => {
    if (nowMs < turnEndsAtMs) return null;
    const number = ++turns;
    const isMine = (): boolean => number === turns;
    const holdUntil = (atMs: number): void => {
      if (isMine()) turnEndsAtMs = atMs;
    };
    turnEndsAtMs = endsAtMs;
    return { isMine, holdUntil, end: () => holdUntil(0) };
  };
};
