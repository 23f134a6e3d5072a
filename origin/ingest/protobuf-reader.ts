// The wire format of protobuf, read in place. Groups (deprecated, in no OTLP message) and fields of a wrong wire type make
// a message malformed. Format: https://protobuf.dev/programming-guides/encoding/
import { isUtf8 } from "node:buffer";
import { bytesOf, isAscii } from "../span-log/bytes.ts";
import { MalformedError } from "./malformed.ts";
import type { AttributeValue } from "./span-attributes.ts";

export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
const FIXED32 = 5;

/** A cursor over a message. `varint` loses the last bits of numbers above 2^53; `exactSigned` does not. */
export class ProtobufReader {
  readonly view: DataView;
  at = 0;
  /** bounds of the last bytes field */
  start = 0;
  end = 0;
  /** halves of the last fixed64 */
  high = 0;
  low = 0;
  /** One of each kind, written over: a value lives until the next one is read. */
  readonly text: Extract<AttributeValue, { kind: "text" }>;
  readonly number = { kind: "number" as const, value: 0 };
  readonly boolean = { kind: "boolean" as const, value: false };

  constructor(view: DataView) {
    this.view = view;
    this.text = { kind: "text", view, start: 0, end: 0 };
  }

  varint(limit: number): number {
    if (this.at < limit) {
      const first = this.view.getUint8(this.at);
      if (first < 0x80) {
        this.at++;
        return first;
      }
    }
    let value = 0;
    let scale = 1;
    for (let i = 0; i < 10; i++) {
      if (this.at >= limit) throw new MalformedError("a number is cut off");
      const byte = this.view.getUint8(this.at++);
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
    throw new MalformedError("a number is too long");
  }

  /** int64, rounded to a number where it is beyond 2^53. Negative ones have ten bytes of two's complement. */
  signed(limit: number): number {
    const { at } = this;
    const value = this.varint(limit);
    return value <= Number.MAX_SAFE_INTEGER ? value : Number(this.exactSigned(at));
  }

  /** The int64 that begins at `at`, which `signed` has read before. */
  exactSigned(at: number): bigint {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.view.getUint8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asIntN(64, value);
    }
  }

  tag(limit: number): number {
    const tag = this.varint(limit);
    if (tag < 8 || tag >= 2 ** 32) throw new MalformedError("a field has an impossible number");
    return tag;
  }

  range(limit: number): void {
    const length = this.varint(limit);
    if (length > limit - this.at) throw new MalformedError("a field is longer than its message");
    this.start = this.at;
    this.end = this.at + length;
    this.at = this.end;
  }

  /** Steps into a nested message; returns where it ends, for the caller to go on from. */
  message(limit: number): number {
    this.range(limit);
    const after = this.at;
    this.at = this.start;
    return after;
  }

  /** As two halves: together they may pass 2^53. */
  fixed64(limit: number): void {
    if (limit - this.at < 8) throw new MalformedError("a number is cut off");
    this.low = this.view.getUint32(this.at, true);
    this.high = this.view.getUint32(this.at + 4, true);
    this.at += 8;
  }

  double(limit: number): number {
    if (limit - this.at < 8) throw new MalformedError("a number is cut off");
    const value = this.view.getFloat64(this.at, true);
    this.at += 8;
    return value;
  }

  skip(wireType: number, limit: number): void {
    if (wireType === VARINT) this.varint(limit);
    else if (wireType === BYTES) this.range(limit);
    else if (wireType === FIXED64 || wireType === FIXED32) {
      this.at += wireType === FIXED64 ? 8 : 4;
      if (this.at > limit) throw new MalformedError("a field is cut off");
    } else throw new MalformedError("a field has a wire type that OTLP does not use");
  }
}

export const expectType = (tag: number, wireType: number): void => {
  if ((tag & 7) !== wireType) throw new MalformedError("a field has the wrong wire type");
};

/**
 * Calls `visit` inside each nested message in field `number` of the message that ends at `end`; skips the other fields.
 */
export const eachMessage = (
  reader: ProtobufReader,
  end: number,
  number: number,
  visit: (end: number) => void,
): void => {
  while (reader.at < end) {
    const tag = reader.tag(end);
    if (tag >>> 3 !== number) {
      reader.skip(tag & 7, end);
      continue;
    }
    expectType(tag, BYTES);
    const after = reader.message(end);
    visit(after);
    reader.at = after;
  }
};

export const checkText = (view: DataView, start: number, end: number): void => {
  if (!isAscii(view, start, end) && !isUtf8(bytesOf(view, start, end)))
    throw new MalformedError("a text is not UTF-8");
};
