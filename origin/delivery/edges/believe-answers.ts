// What is believed of an edge's answers. Each edge signs its answers; one of an older version does not. An edge that has
// signed once always does, so an answer without a signature comes from something before it.
import type { Revision } from "../../../shared/ids.ts";
import type { PushAnswer, Send } from "./send-push.ts";

/** A database that is restored lacks some of its last changes, and no more than this. */
const MAX_AHEAD = 1_000_000;

/** Sends, and takes an answer for a failure when the edge should have signed it. */
export const makeSendAndCheck = (options: {
  send: Send;
  /** The edge has signed an answer before. */
  signsAnswers: boolean;
  /** The edge signs its answers from now on. Never throws. */
  onFirstSignature: () => void;
}): Send => {
  const { send, onFirstSignature } = options;
  let { signsAnswers } = options;
  return async (url, message) => {
    const answer = await send(url, message);
    if (answer.kind === "failed" || answer.kind === "refused") return answer;
    if (answer.isSigned && !signsAnswers) {
      signsAnswers = true;
      onFirstSignature();
    }
    if (answer.isSigned || !signsAnswers) return answer;
    return {
      kind: "failed",
      error:
        "the answer is not signed, and this edge signs its answers: something before the edge answered, or the edge went " +
        "back to an older version (then take it out of EDGE_URLS for one start of the origin)",
    };
  };
};

export type Ahead = { readonly url: string; readonly revision: Revision; readonly isSigned: boolean };

/**
 * Decides whether the database's revision is raised above an edge's that it never gave out. Returns why not, or null. An
 * edge that does not sign is not believed alone, but where it is the only one there is nobody else to ask.
 */
export const makeBelieveAhead = (edges: number): ((ahead: Ahead, head: Revision) => string | null) => {
  const unsigned = new Map<string, Revision>();
  return ({ url, revision, isSigned }, head) => {
    if (revision - head > MAX_AHEAD)
      return `the edge says that it has revision ${revision}, more than ${MAX_AHEAD} above the database's ${head}: not believed`;
    if (isSigned || edges === 1) return null;
    unsigned.set(url, revision);
    const others = [...unsigned].filter(([other, theirs]) => other !== url && theirs >= revision);
    return others.length > 0
      ? null
      : `the edge says that it has revision ${revision}, above the database's ${head}, and does not sign its answers: not believed alone`;
  };
};

export const notBelieved = (error: string): PushAnswer => ({ kind: "failed", error });
