// Bytes of texts and ids, one after the other, for readers whose input are strings.
import { viewOf } from "../span-log/bytes.ts";

/** Ranges that were handed out point into `view` as it was then: growing leaves the old memory as it is. */
export class TextBuffer {
  #bytes = Buffer.allocUnsafe(16_384);
  view = viewOf(this.#bytes);
  /** where the next text begins */
  at = 0;

  #makeRoom(needed: number): void {
    if (this.at + needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.at + needed));
    this.#bytes.copy(larger, 0, 0, this.at);
    this.#bytes = larger;
    this.view = viewOf(larger);
  }

  /** Returns where the text ends. */
  writeText(value: string): number {
    this.#makeRoom(value.length * 3);
    this.at += this.#bytes.write(value, this.at, "utf8");
    return this.at;
  }

  /** As `writeText`, of hexadecimal digits; null when the value has others. */
  writeHex(value: string): number | null {
    this.#makeRoom(value.length);
    const written = this.#bytes.write(value, this.at, "hex");
    if (written * 2 !== value.length) return null;
    this.at += written;
    return this.at;
  }
}
