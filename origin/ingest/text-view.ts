// Text in a request's bytes, compared and named without making a string of it each time.
import { bytesOf, isSame, viewOf } from "../span-log/bytes.ts";
import { EMPTY_VIEW, type TextRange } from "./span-fields.ts";

export const textIs = ({ view, start, end }: TextRange, expected: DataView): boolean =>
  isSame(view, start, end, expected);

const SLOTS = 4_096;

/**
 * Gives the string of a text that is likely to have come before, such as a feature's id: the same string object for
 * the same bytes. Latin-1, as for identifiers in ASCII. Memory is bounded: a slot keeps the last text that fell on it.
 */
export const makeIntern = (): ((text: TextRange) => string) => {
  const slots = Array.from({ length: SLOTS }, () => ({ bytes: EMPTY_VIEW, name: "" }));
  return (text) => {
    let hash = 0x811c9dc5;
    for (let at = text.start; at < text.end; at++)
      hash = Math.imul(hash ^ text.view.getUint8(at), 0x01000193);
    const slot = slots[(hash >>> 0) % SLOTS];
    if (slot === undefined) throw new Error("unreachable: slot out of range");
    if (textIs(text, slot.bytes)) return slot.name;
    const bytes = Buffer.from(bytesOf(text.view, text.start, text.end));
    slot.bytes = viewOf(bytes);
    slot.name = bytes.toString("latin1");
    return slot.name;
  };
};
