// Branded identifiers: a feature id cannot stand in for a unit id. Each is parsed once, at the door.
import { z } from "zod";

const MAX_FEATURE_ID = 128;
const FEATURE_ID_FORM = /^[A-Za-z0-9_.:/-]+$/;

/** Feature id: 1–128 printable ASCII characters without those that separate fields in headers and cookies. */
export const FeatureId = z
  .string()
  .min(1, "must not be empty")
  .max(MAX_FEATURE_ID, `must have at most ${MAX_FEATURE_ID} characters`)
  .regex(FEATURE_ID_FORM, "may contain letters, digits and _ . : / - only")
  .brand<"FeatureId">();
export type FeatureId = z.infer<typeof FeatureId>;

/** What the schema finds, without its cost: snapshots have a thousand of them. */
export const isFeatureId = (value: unknown): value is FeatureId =>
  typeof value === "string" && value.length <= MAX_FEATURE_ID && FEATURE_ID_FORM.test(value);

/** Who is assigned: a signed-in user's id or a random one. 1–256 characters, no control characters. */
export const UnitId = z
  .string()
  .min(1, "must not be empty")
  .max(256, "must have at most 256 characters")
  // oxlint-disable-next-line no-control-regex -- control characters are what this refuses
  .regex(/^[^\u0000-\u001f\u007f]+$/, "must not contain control characters")
  .brand<"UnitId">();
export type UnitId = z.infer<typeof UnitId>;

/** Number of the last committed change to any feature's state: monotonic over the whole installation. */
export const Revision = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER).brand<"Revision">();
export type Revision = z.infer<typeof Revision>;

const BPS_FORM = "must be a whole number of basis points from 0 to 10000 (2000 = 20 %)";

/** A part of 10,000: 10,000 bps is everyone. */
export const Bps = z
  .number(BPS_FORM)
  .int({ error: BPS_FORM, abort: true })
  .min(0, BPS_FORM)
  .max(10_000, BPS_FORM);
