// Pseudonyms: the name under which a unit is stored, a keyed hash of its id. Without the key nobody can tell whose it is,
// nor try out ids; with it the same id always gets the same one, so that the spans of a unit still find one another.
import { createHash, hkdfSync } from "node:crypto";
import { keyedHash, KEY_WORDS } from "./blake3.ts";
import { EMPTY_VIEW, viewOf, type TextRange } from "../bytes.ts";

/** Base64url of 16 bytes. */
export const PSEUDONYM_BYTES = 22;

export type PseudonymKey = {
  readonly kid: string;
  readonly words: Int32Array;
  /** tells keys of the same name apart, and does not tell the key */
  readonly fingerprint: string;
};

/** `secret`: at least 32 random bytes, in any writing. */
export const pseudonymKey = ({ kid, secret }: { kid: string; secret: string }): PseudonymKey => {
  const bytes = new Uint8Array(hkdfSync("sha256", secret, "", "sluice pseudonyms of units", KEY_WORDS * 4));
  const view = viewOf(bytes);
  return {
    kid,
    words: Int32Array.from({ length: KEY_WORDS }, (_, i) => view.getInt32(i * 4, true)),
    fingerprint: createHash("sha256").update(bytes).digest("hex").slice(0, 32),
  };
};

const DIGITS = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");
const hash = new Int32Array(4);
const hashView = viewOf(new Uint8Array(hash.buffer));

/** Writes the pseudonym of the unit [start … end) to the offset `at` of `out`. */
export const writePseudonym = (
  key: PseudonymKey,
  unit: Readonly<TextRange>,
  out: DataView,
  at: number,
): void => {
  keyedHash(key.words, unit.view, unit.start, unit.end, hash);
  let to = at;
  for (let from = 0; from < 15; from += 3) {
    const three =
      (hashView.getUint8(from) << 16) | (hashView.getUint8(from + 1) << 8) | hashView.getUint8(from + 2);
    out.setUint8(to++, DIGITS[three >>> 18] ?? 0);
    out.setUint8(to++, DIGITS[(three >>> 12) & 63] ?? 0);
    out.setUint8(to++, DIGITS[(three >>> 6) & 63] ?? 0);
    out.setUint8(to++, DIGITS[three & 63] ?? 0);
  }
  const last = hashView.getUint8(15);
  out.setUint8(to++, DIGITS[last >>> 2] ?? 0);
  out.setUint8(to, DIGITS[(last & 3) << 4] ?? 0);
};

/** The pseudonym as text. */
export const pseudonymOf = (key: PseudonymKey, unitId: string): string => {
  const view = viewOf(Buffer.from(unitId));
  const out = Buffer.alloc(PSEUDONYM_BYTES);
  writePseudonym(key, { view, start: 0, end: view.byteLength }, viewOf(out), 0);
  return out.toString("latin1");
};

/** Pseudonyms that are kept for the next batch, 22 bytes each. */
const MAX_KEPT = 4_096;

/**
 * The pseudonyms of a batch. Spans of one unit mostly come one after the other, as the edge sends a request's features;
 * then the last one serves again.
 */
export class PseudonymBuffer {
  #view = viewOf(Buffer.alloc(64 * PSEUDONYM_BYTES));
  #at = 0;
  readonly #last: TextRange = { view: EMPTY_VIEW, start: 0, end: 0 };
  #lastKey: PseudonymKey | null = null;

  /** Names given out before hold no longer. */
  clear(): void {
    if (this.#view.byteLength > MAX_KEPT * PSEUDONYM_BYTES)
      this.#view = viewOf(Buffer.alloc(64 * PSEUDONYM_BYTES));
    this.#at = 0;
    this.#lastKey = null;
  }

  #isLast(key: PseudonymKey, { view, start, end }: Readonly<TextRange>): boolean {
    const last = this.#last;
    if (this.#lastKey !== key || end - start !== last.end - last.start) return false;
    let at = start;
    let lastAt = last.start;
    for (; at + 4 <= end; at += 4, lastAt += 4)
      if (view.getInt32(at, true) !== last.view.getInt32(lastAt, true)) return false;
    for (; at < end; at++, lastAt++) if (view.getUint8(at) !== last.view.getUint8(lastAt)) return false;
    return true;
  }

  /** Turns `unit` into its pseudonym. It points into memory of this buffer, until `clear`. */
  replace(key: PseudonymKey, unit: TextRange): void {
    if (!this.#isLast(key, unit)) {
      // What was given out goes on pointing into the memory of before.
      if (this.#at + PSEUDONYM_BYTES > this.#view.byteLength) {
        this.#view = viewOf(Buffer.alloc(this.#view.byteLength * 2));
        this.#at = 0;
      }
      writePseudonym(key, unit, this.#view, this.#at);
      this.#at += PSEUDONYM_BYTES;
      this.#lastKey = key;
      this.#last.view = unit.view;
      this.#last.start = unit.start;
      this.#last.end = unit.end;
    }
    unit.view = this.#view;
    unit.start = this.#at - PSEUDONYM_BYTES;
    unit.end = this.#at;
  }
}
