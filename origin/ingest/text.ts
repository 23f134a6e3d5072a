// Text in a request's bytes, compared and named without making a string of it each time.
import type { Text } from "./span-fields.ts";

export const textIs = ({ bytes, start, end }: Text, expected: Uint8Array): boolean => {
  if (end - start !== expected.length) return false;
  for (let i = 0; i < expected.length; i++) if (bytes[start + i] !== expected[i]) return false;
  return true;
};

const SLOTS = 4_096;

/**
 * Gives the string of a text that is likely to have come before, such as a feature's id: the same string object for
 * the same bytes. Latin-1, as for identifiers in ASCII. Memory is bounded: a slot keeps the last text that fell on it.
 */
export const makeIntern = (): ((text: Text) => string) => {
  const slots = Array.from({ length: SLOTS }, () => ({ bytes: Buffer.alloc(0), name: "" }));
  return (text) => {
    let hash = 0x811c9dc5;
    for (let at = text.start; at < text.end; at++) hash = Math.imul(hash ^ (text.bytes[at] ?? 0), 0x01000193);
    const slot = slots[(hash >>> 0) % SLOTS];
    if (slot === undefined) throw new Error("unreachable: slot out of range");
    if (textIs(text, slot.bytes)) return slot.name;
    slot.bytes = Buffer.from(text.bytes.subarray(text.start, text.end));
    slot.name = slot.bytes.toString("latin1");
    return slot.name;
  };
};
