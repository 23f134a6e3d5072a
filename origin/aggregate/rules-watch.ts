// Notices that rules may have changed. A process folds in several databases and has its rules in one: its loops ask that one together.
const RULES_MS = 500;

/**
 * `read` gives another value when the rules may have changed. So does the result, at most half a second later; it reads twice a second
 * at most, whoever asks. `nowMs`: a monotonic clock.
 */
export const makeRulesWatch = (read: () => Promise<string>, nowMs: () => number): (() => Promise<string>) => {
  let last: { readonly atMs: number; readonly answer: Promise<string> } | undefined;
  const ask = (): Promise<string> => {
    const asked = { atMs: nowMs(), answer: read() };
    last = asked;
    // It says nothing: whoever asks next asks anew.
    asked.answer.catch(() => {
      if (last === asked) last = undefined;
    });
    return asked.answer;
  };
  return () => (last === undefined || nowMs() - last.atMs >= RULES_MS ? ask() : last.answer);
};
