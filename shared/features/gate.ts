// What the gate does to a request of a feature, beyond the header that tells the upstream. Only its form is decided
// here; the edge carries it out.
import { z } from "zod";

const path = z
  .string()
  .max(2_048)
  .regex(
    /^\/(?!\/)[^\s\\?#]*$/,
    "must be a path that begins with one / and has no query, space or backslash",
  );

const httpUrl = z
  .string()
  .max(2_048)
  .regex(/^https?:\/\/[^/?#\s\\]+(\/[^?#\s\\]*)?$/, "must be an http(s) URL without query");

/** What a request gets that is not let through; both for now only, since the feature may open any time. */
const WhenClosed = z.discriminatedUnion("action", [
  z.strictObject({ action: z.literal("notFound") }),
  z.strictObject({
    action: z.literal("redirect"),
    to: z.union([path, httpUrl], "must be a path or an http(s) URL without query"),
    status: z.union([z.literal(302), z.literal(303), z.literal(307)], "must be 302, 303 or 307").default(302),
  }),
]);
export type WhenClosed = z.infer<typeof WhenClosed>;

export const Gate = z.strictObject({
  /** Where units that get the feature are served from, instead of the site's upstream. */
  upstream: httpUrl.transform((url) => url.replace(/\/+$/, "")).optional(),
  /**
   * The path they are served from. `:name` and `*` stand for what the feature's route matched there; a request whose
   * route matched nothing under such a name keeps its path.
   */
  path: path.optional(),
  /** On the feature's routes, for everyone who does not get it; needs routes, lest it close the whole site. */
  whenClosed: WhenClosed.optional(),
  /** Edits of HTML pages on the feature's routes. */
  html: z
    .strictObject({
      /** Shows elements with `data-feature="<feature id>"` to units that get the feature, and removes them for others. */
      elements: z.boolean().default(false),
      /** Tells the page's scripts: `<script type="application/json" id="sluice-flags">` in the head. */
      flags: z.boolean().default(false),
    })
    .optional(),
});
export type Gate = z.infer<typeof Gate>;
