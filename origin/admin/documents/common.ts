// What several documents of the admin API are made of.
import { z } from "@hono/zod-openapi";

export const Time = z.iso.datetime();

export const Cursor = z
  .union([z.string(), z.number()])
  .openapi({ description: "Where the next page begins; null on the last one." });

/** A number in a query, which is text there. */
export const wholeInQuery = (least: number, most: number) => z.coerce.number().int().min(least).max(most);
