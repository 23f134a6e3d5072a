// OTLP protobuf requests for the load: built once, then only the ids, times and units in them are written over. So making
// the load costs a fraction of taking it.
import { randomFillSync } from "node:crypto";

const varint = (value: number): number[] => {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 128)) bytes.push((rest & 0x7f) | 0x80);
  return [...bytes, rest];
};
const bytesField = (number: number, ...parts: Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([...varint((number << 3) | 2), ...varint(body.length)]), body]);
};
const text = (number: number, value: string): Buffer => bytesField(number, Buffer.from(value));
const fixed64 = (number: number): Buffer =>
  Buffer.concat([Buffer.from(varint((number << 3) | 1)), Buffer.alloc(8)]);
const attribute = (key: string, value: Buffer): Buffer => bytesField(9, text(1, key), bytesField(2, value));

const UNIT = "u".repeat(36);

/** A span as the edge sends it: a dozen fields, 36 characters of unit. Every 50th is an activation. */
const span = (feature: string, variant: string, acted: boolean): Buffer =>
  bytesField(
    2,
    bytesField(1, Buffer.alloc(16, 1)),
    bytesField(2, Buffer.alloc(8, 2)),
    text(5, "GET /products/:id"),
    Buffer.from([...varint(6 << 3), 2]),
    fixed64(7),
    fixed64(8),
    attribute("http.request.method", text(1, "GET")),
    attribute("url.path", text(1, "/products/4711")),
    attribute("feature_flag.key", text(1, feature)),
    attribute("feature_flag.context.id", text(1, UNIT)),
    attribute("feature_flag.result.variant", text(1, variant)),
    attribute("http.response.status_code", Buffer.from([3 << 3, ...varint(200)])),
    ...(acted ? [attribute("action_taken", Buffer.from([2 << 3, 1]))] : []),
  );

type Place = { trace: number; id: number; start: number; end: number; unit: number };

const placesOf = (body: Buffer, count: number): Place[] => {
  const places: Place[] = [];
  let at = 0;
  for (let i = 0; i < count; i++) {
    const trace = body.indexOf(Buffer.from([0x0a, 16, 1, 1, 1]), at) + 2;
    const id = trace + 18;
    const start = body.indexOf(Buffer.from([0x39, 0, 0, 0]), id) + 1;
    const unit = body.indexOf(UNIT, start);
    places.push({ trace, id, start, end: start + 9, unit });
    at = unit;
  }
  return places;
};

const HEX = Buffer.from("0123456789abcdef");

const put64 = (out: Buffer, at: number, low: number, high: number): void => {
  for (let n = 0; n < 4; n++) {
    out[at + n] = low >>> (n * 8);
    out[at + 4 + n] = high >>> (n * 8);
  }
};

/** Six digits of the lowest 24 bits. */
const putHex = (out: Buffer, at: number, value: number): void => {
  for (let n = 0; n < 6; n++) out[at + n] = HEX[(value >>> (20 - n * 4)) & 15] ?? 0;
};

/** Returns the number of the unit that a span is of. */
export type Units = () => number;

export type LoadRequest = { readonly body: Buffer; readonly places: readonly Place[]; readonly ids: Buffer };

/**
 * Makes requests of `spans` spans for these features, with a tenth of the units in the holdout. A request that was
 * answered is given back and written over for the next one.
 */
export const makeRequests = (options: { features: readonly string[]; spans: number; units: Units }) => {
  const { features, spans, units } = options;
  let made = 0;
  const build = (): LoadRequest => {
    const list = Array.from({ length: spans }, (_, i) => {
      const feature = features[(made * spans + i) % features.length] ?? "";
      return span(feature, i % 10 === 9 ? "holdout" : "treatment", i % 50 === 7);
    });
    made++;
    const body = bytesField(1, bytesField(1), bytesField(2, ...list));
    return { body, places: placesOf(body, spans), ids: Buffer.alloc(24 * spans) };
  };
  const free: LoadRequest[] = [];

  const take = (): LoadRequest => {
    const chosen = free.shift() ?? build();
    const { body, places, ids } = chosen;
    randomFillSync(ids);
    const nowNs = BigInt(Date.now()) * 1_000_000n;
    const high = Number(nowNs >> 32n);
    const low = Number(nowNs & 0xffffffffn);
    for (let i = 0; i < places.length; i++) {
      const place = places[i];
      if (place === undefined) break;
      const { trace, id, start, end, unit } = place;
      for (let n = 0; n < 16; n++) body[trace + n] = ids[i * 24 + n] ?? 0;
      for (let n = 0; n < 8; n++) body[id + n] = ids[i * 24 + 16 + n] ?? 0;
      put64(body, start, low, high);
      // 20 to 220 ms
      const endLow = low + 20_000_000 + (ids[i * 24] ?? 0) * 781_250;
      put64(body, end, endLow, endLow < 2 ** 32 ? high : high + 1);
      // The variant belongs to the place in the request: a unit keeps to places of one kind.
      const number = units() * 10 + (i % 10);
      putHex(body, unit + 24, Math.floor(number / 2 ** 24));
      putHex(body, unit + 30, number);
    }
    return chosen;
  };
  return {
    take,
    giveBack: (request: LoadRequest): void => {
      free.push(request);
    },
  };
};
export type Requests = ReturnType<typeof makeRequests>;
