// Brings changes to one edge: short ones as one message, long ones as their closes alone and then in parts.
import type { Changes, Since } from "../../features/read-snapshot.ts";
import type { Close, PushMessage } from "../../../shared/snapshot/push-message.ts";
import type { PushAnswer } from "./send-push.ts";
import { bytesOf, closesAlone, closesForOlderEdge, isLong, OLDER_EDGE_BYTES, partsOf } from "./split-push.ts";

type SendToEdge = (message: PushMessage) => Promise<PushAnswer>;

const hasFailed = ({ kind }: PushAnswer): boolean => kind === "failed" || kind === "refused";

/** Closes what the changes close, and leaves the rest for later. */
export const deliverCloses = async (
  send: SendToEdge,
  changes: Pick<Changes, "message" | "closes">,
): Promise<PushAnswer | null> => {
  let answer: PushAnswer | null = null;
  for (const message of closesAlone(changes)) {
    answer = await send(message);
    if (hasFailed(answer)) return answer;
  }
  return answer;
};

const deliverInParts = async (send: SendToEdge, changes: Changes): Promise<PushAnswer> => {
  const closed = await deliverCloses(send, changes);
  if (closed !== null && hasFailed(closed)) return closed;
  for (const part of partsOf(changes.message)) {
    const answer = await send(part);
    if (answer.kind !== "incomplete") return answer;
  }
  return { kind: "failed", error: "the edge lost parts of the message; all of them are sent again" };
};

export type EdgeContact = {
  /** What the edge has confirmed; null: nothing. */
  readonly confirmed: Since | null;
  /** Whether it takes closes alone and parts. */
  readonly takesParts: boolean;
  /** Hears of closes that an older edge has taken without the rest. */
  readonly onClosed: (closes: readonly Close[]) => void;
};

/** An edge that takes no parts. What is too long for it is closed there and left as it was otherwise. */
const deliverToOlderEdge = async (
  send: SendToEdge,
  changes: Changes,
  { confirmed, onClosed }: EdgeContact,
): Promise<PushAnswer> => {
  const bytes = bytesOf(changes.message);
  if (bytes <= OLDER_EDGE_BYTES) return send(changes.message);
  const closes = closesForOlderEdge(changes, confirmed?.revision ?? 0);
  const answer = closes === null ? null : await send(closes);
  if (answer?.kind === "confirmed" && answer.regions.every(({ revision }) => revision >= answer.revision))
    onClosed(changes.closes);
  return {
    kind: "refused",
    error:
      `the edge runs an older version, which takes at most ${OLDER_EDGE_BYTES} bytes at once, and ${bytes} bytes wait ` +
      "for it: update the edge; features are closed there meanwhile, and no other change arrives",
  };
};

export const deliverChanges = (
  send: SendToEdge,
  changes: Changes,
  contact: EdgeContact,
): Promise<PushAnswer> => {
  if (!isLong(changes.message)) return send(changes.message);
  return contact.takesParts ? deliverInParts(send, changes) : deliverToOlderEdge(send, changes, contact);
};
