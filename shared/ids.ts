// Branded identifiers: a feature id cannot stand in for a unit id. Each is parsed once, where it comes in.
import * as z from "zod";

const MAX_FEATURE_ID = 128;
const FEATURE_ID_FORM = /^[A-Za-z0-9_.:/-]+$/;

/** `.` and `..` are steps of a path: a URL cannot carry them as a name, however they are written (RFC 3986, 5.2.4). */
const isDots = (text: string): boolean => text === "." || text === "..";

/** Feature id: 1–128 printable ASCII characters without those that separate fields in headers and cookies. */
export const FeatureId = z
  .string()
  .min(1, "must not be empty")
  .max(MAX_FEATURE_ID, `must have at most ${MAX_FEATURE_ID} characters`)
  .regex(FEATURE_ID_FORM, "may contain letters, digits and _ . : / - only")
  .refine((text) => !isDots(text), "must not be . or .., which a URL cannot carry")
  .brand<"FeatureId">();
export type FeatureId = z.infer<typeof FeatureId>;

/** The same check without the schema's cost: a snapshot has a thousand ids. */
export const isFeatureId = (value: unknown): value is FeatureId =>
  typeof value === "string" &&
  value.length <= MAX_FEATURE_ID &&
  FEATURE_ID_FORM.test(value) &&
  !isDots(value);

/** Name of a segment. It stands in a URL, and in the audit behind `segment:`. */
export const SegmentId = z
  .string()
  .min(1, "must not be empty")
  .max(64, "must have at most 64 characters")
  .regex(/^[A-Za-z0-9_.-]+$/, "may contain letters, digits and _ . - only")
  .refine((text) => !isDots(text), "must not be . or .., which a URL cannot carry")
  .brand<"SegmentId">();
export type SegmentId = z.infer<typeof SegmentId>;

/** Telemetry carries a unit's id as UTF-8, and the log stores it as that. */
export const MAX_UNIT_BYTES = 256;

/** Bytes of well-formed text in UTF-8. */
const utf8Length = (text: string): number => {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    // Half of a pair has two of the pair's four bytes.
    if (code >= 0x80) bytes += code < 0x800 || (code & 0xf800) === 0xd800 ? 1 : 2;
  }
  return bytes;
};

/** Unit id: a signed-in user's or a generated one. 1–256 bytes of well-formed text, no control characters. */
export const UnitId = z
  .string()
  .min(1, "must not be empty")
  .refine((text) => text.isWellFormed(), "must be well-formed Unicode text")
  .refine(
    (text) => text.length <= MAX_UNIT_BYTES && utf8Length(text) <= MAX_UNIT_BYTES,
    `must have at most ${MAX_UNIT_BYTES} bytes in UTF-8`,
  )
  // oxlint-disable-next-line no-control-regex -- control characters are what this refuses
  .regex(/^[^\u0000-\u001f\u007f]+$/, "must not contain control characters")
  .brand<"UnitId">();
export type UnitId = z.infer<typeof UnitId>;

/** Number of the last committed change to any feature's state: monotonic over the whole installation. */
export const Revision = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).brand<"Revision">();
export type Revision = z.infer<typeof Revision>;

const BPS_FORM = "must be a whole number of basis points from 0 to 10000 (2000 = 20 %)";

/** Basis points: 10,000 are everyone. */
export const Bps = z
  .number(BPS_FORM)
  .int({ error: BPS_FORM, abort: true })
  .min(0, BPS_FORM)
  .max(10_000, BPS_FORM);
