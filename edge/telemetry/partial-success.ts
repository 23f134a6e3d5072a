// What the origin says of a batch that it has taken: ExportTraceServiceResponse of OTLP, as protobuf.

export type PartialSuccess = { readonly rejected: number; readonly reason: string };

const VARINT = 0;
const BYTES = 2;

const varintAt = (bytes: Uint8Array, from: number): { value: number; end: number } => {
  let value = 0;
  let at = from;
  for (let factor = 1; ; factor *= 128) {
    const byte = bytes[at++];
    if (byte === undefined) throw new Error("a number has no end");
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return { value, end: at };
  }
};

type Field = { readonly number: number; readonly value: number; readonly bytes: Uint8Array };

const fieldsOf = (message: Uint8Array): Field[] => {
  const fields: Field[] = [];
  for (let at = 0; at < message.length;) {
    const tag = varintAt(message, at);
    const type = tag.value % 8;
    if (type !== VARINT && type !== BYTES) throw new Error(`a field of type ${type} is not known here`);
    const { value, end } = varintAt(message, tag.end);
    const number = Math.floor(tag.value / 8);
    at = type === BYTES ? end + value : end;
    fields.push({ number, value, bytes: type === BYTES ? message.subarray(end, at) : new Uint8Array() });
  }
  return fields;
};

/** Of an answer without partial success, and of one that is no such message, nothing was rejected. */
export const readPartialSuccess = (body: Uint8Array): PartialSuccess => {
  try {
    const partial = fieldsOf(body).find(({ number }) => number === 1);
    const fields = partial === undefined ? [] : fieldsOf(partial.bytes);
    const reason = fields.find(({ number }) => number === 2)?.bytes ?? new Uint8Array();
    return {
      rejected: fields.find(({ number }) => number === 1)?.value ?? 0,
      reason: new TextDecoder().decode(reason),
    };
  } catch {
    return { rejected: 0, reason: "" };
  }
};
