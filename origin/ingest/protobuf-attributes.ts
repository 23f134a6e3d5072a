// Reads attributes (KeyValue of common.proto) of a span or log record in protobuf.
import { bytesOf, viewOf } from "../span-log/bytes.ts";
import { BYTES, checkText, expectType, FIXED64, VARINT, type ProtobufReader } from "./protobuf-reader.ts";
import { knownName, setAttribute, type AttributeValue } from "./span-attributes.ts";
import type { SpanFields } from "./span-fields.ts";

/** An integer beyond 2^53 as text: as a number it would be another user's id. */
const exactText = (integer: bigint): AttributeValue => {
  const view = viewOf(Buffer.from(integer.toString()));
  return { kind: "text", view, start: 0, end: view.byteLength };
};

/** AnyValue; undefined for arrays, lists and bytes: no attribute that is read has one. */
const readValue = (reader: ProtobufReader, end: number): AttributeValue | undefined => {
  let value: AttributeValue | undefined;
  while (reader.at < end) {
    const tag = reader.tag(end);
    switch (tag >>> 3) {
      case 1:
        expectType(tag, BYTES);
        reader.range(end);
        checkText(reader.view, reader.start, reader.end);
        value = reader.text;
        value.start = reader.start;
        value.end = reader.end;
        break;
      case 2:
        expectType(tag, VARINT);
        value = reader.boolean;
        value.value = reader.varint(end) !== 0;
        break;
      case 3: {
        expectType(tag, VARINT);
        const { at } = reader;
        value = reader.number;
        value.value = reader.signed(end);
        if (!Number.isSafeInteger(value.value)) value = exactText(reader.exactSigned(at));
        break;
      }
      case 4:
        expectType(tag, FIXED64);
        value = reader.number;
        value.value = reader.double(end);
        break;
      default:
        reader.skip(tag & 7, end);
    }
  }
  return value;
};

/** Reads the AnyValue at [start, end) if the key is known; leaves the reader anywhere. */
const readKnown = (
  reader: ProtobufReader,
  keyStart: number,
  keyEnd: number,
  start: number,
  end: number,
  fields: SpanFields,
): void => {
  const known = knownName(reader.view, keyStart, keyEnd);
  if (known === undefined) return;
  reader.at = start;
  const value = readValue(reader, end);
  if (value !== undefined) setAttribute(fields, known, value);
};

/** A field of so many bytes, fewer than 128, as the two bytes that it begins with. */
const shortBytes = (number: number, length: number): number => (((number << 3) | BYTES) << 8) | length;

/** KeyValue: the value may come before its key. */
export const readAttribute = (reader: ProtobufReader, end: number, fields: SpanFields): void => {
  const { view, at: start } = reader;
  // Nearly all are written in this way: a short key, then a short value, no other field.
  if (end - start >= 4) {
    const keyLength = view.getUint8(start + 1);
    const valueStart = start + 2 + keyLength + 2;
    const valueLength = end - valueStart;
    if (
      keyLength < 0x80 &&
      valueLength >= 0 &&
      valueLength < 0x80 &&
      view.getUint16(start) === shortBytes(1, keyLength) &&
      view.getUint16(valueStart - 2) === shortBytes(2, valueLength)
    )
      return readKnown(reader, start + 2, valueStart - 2, valueStart, end, fields);
  }
  readLongAttribute(reader, end, fields);
};

const readLongAttribute = (reader: ProtobufReader, end: number, fields: SpanFields): void => {
  const { keyStart, keyEnd, valueStart, valueEnd } = findKeyAndValue(reader, end);
  if (keyStart >= 0 && valueStart >= 0) readKnown(reader, keyStart, keyEnd, valueStart, valueEnd, fields);
};

/** KeyValue of a resource, of which there are few: calls `visit` with its name and a value that lives until the next one. */
export const readNamedAttribute = (
  reader: ProtobufReader,
  end: number,
  visit: (name: string, value: AttributeValue) => void,
): void => {
  const { keyStart, keyEnd, valueStart, valueEnd } = findKeyAndValue(reader, end);
  if (keyStart < 0 || valueStart < 0) return;
  reader.at = valueStart;
  const value = readValue(reader, valueEnd);
  if (value !== undefined) visit(bytesOf(reader.view, keyStart, keyEnd).toString(), value);
};

/** Where key and value are, −1 for one that is not there; leaves the reader anywhere. */
const findKeyAndValue = (reader: ProtobufReader, end: number) => {
  let keyStart = -1;
  let keyEnd = -1;
  let valueStart = -1;
  let valueEnd = -1;
  while (reader.at < end) {
    const tag = reader.tag(end);
    const number = tag >>> 3;
    if (number === 1 || number === 2) {
      expectType(tag, BYTES);
      reader.range(end);
      if (number === 1) {
        keyStart = reader.start;
        keyEnd = reader.end;
      } else {
        valueStart = reader.start;
        valueEnd = reader.end;
      }
    } else reader.skip(tag & 7, end);
  }
  return { keyStart, keyEnd, valueStart, valueEnd };
};
