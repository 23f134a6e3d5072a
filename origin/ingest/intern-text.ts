// Strings for texts that come again and again, such as a feature's id, without decoding the same bytes each time.
import { bytesOf, EMPTY_VIEW, textIs, viewOf, type TextRange } from "../span-log/bytes.ts";

const SLOTS = 4_096;

/**
 * Returns the same string object for the same bytes. Latin-1, as for identifiers in ASCII. Memory is bounded: a slot
 * keeps the last text whose hash fell on it.
 */
export const makeIntern = (): ((text: TextRange) => string) => {
  const slots = Array.from({ length: SLOTS }, () => ({ bytes: EMPTY_VIEW, string: "" }));
  return (text) => {
    let hash = 0x811c9dc5;
    for (let at = text.start; at < text.end; at++)
      hash = Math.imul(hash ^ text.view.getUint8(at), 0x01000193);
    const slot = slots[(hash >>> 0) % SLOTS];
    if (slot === undefined) throw new Error("unreachable: slot out of range");
    if (textIs(text, slot.bytes)) return slot.string;
    const bytes = Buffer.from(bytesOf(text.view, text.start, text.end));
    slot.bytes = viewOf(bytes);
    slot.string = bytes.toString("latin1");
    return slot.string;
  };
};
