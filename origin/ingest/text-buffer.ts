// Bytes of one item's texts and ids, one after the other, for readers whose input are strings.

import { viewOf } from "../span-log/bytes.ts";

/** Set `at` to 0 for the next item. Ranges that were handed out point into `view` as it was then. */
export class TextBuffer {
  #bytes = Buffer.allocUnsafe(16_384);
  view = viewOf(this.#bytes);
  at = 0;

  #room(needed: number): void {
    if (this.at + needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.at + needed));
    this.#bytes.copy(larger, 0, 0, this.at);
    this.#bytes = larger;
    this.view = viewOf(larger);
  }

  /** Returns where it ends; it begins where the one before ended. */
  text(value: string): number {
    this.#room(value.length * 3);
    this.at += this.#bytes.write(value, this.at, "utf8");
    return this.at;
  }

  /** As `text`, of hexadecimal digits; null when they are none. */
  hex(value: string): number | null {
    this.#room(value.length);
    const written = this.#bytes.write(value, this.at, "hex");
    if (written * 2 !== value.length) return null;
    this.at += written;
    return this.at;
  }
}
