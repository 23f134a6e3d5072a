// The captcha score below which a unit is a bot: the same for the edge, which marks bots, and the origin, which also reads
// scores that others found.
import * as z from "zod";

export const CaptchaThreshold = z
  .string()
  .regex(/^(?:0|1|0?\.\d+|1\.0+)$/, "must be a number from 0 to 1")
  .transform(Number)
  .default(0.5)
  .describe("A captcha score below it is a bot's. Edge and origin need the same value.");
