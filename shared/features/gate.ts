// The gate of a feature: what it does to a request beyond the header for the upstream. This is its schema; the edge carries
// it out.
import * as z from "zod";

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

/** The answer for units that do not get the feature. It is never permanent, since the feature may open any time. */
const WhenClosed = z.discriminatedUnion("action", [
  z.strictObject({ action: z.literal("notFound").describe("Answer 404.") }),
  z.strictObject({
    action: z.literal("redirect").describe("Answer with a redirect."),
    to: z
      .union([path, httpUrl], "must be a path or an http(s) URL without query")
      .describe("Where the redirect leads: a path of the site or an http(s) URL."),
    status: z
      .union([z.literal(302), z.literal(303), z.literal(307)], "must be 302, 303 or 307")
      .default(302)
      .describe("Status of the redirect. It is never a permanent one, since the feature may open any time."),
  }),
]);
export type WhenClosed = z.infer<typeof WhenClosed>;

export const Gate = z.strictObject({
  upstream: httpUrl
    .transform((url) => url.replace(/\/+$/, ""))
    .optional()
    .describe("Another upstream, for units that get the feature."),
  path: path
    .optional()
    .describe(
      "Another path, for units that get the feature. `:name` and `*` stand for what the route matched. A request whose route matched nothing under such a name keeps its path.",
    ),
  whenClosed: WhenClosed.optional().describe(
    "The answer for units that do not get the feature, on its routes. It needs routes: without them it would close the whole site.",
  ),
  html: z
    .strictObject({
      elements: z
        .boolean()
        .default(false)
        .describe(
          'Shows elements with `data-feature="<feature id>"` to units that get the feature, and removes them for others.',
        ),
      flags: z
        .boolean()
        .default(false)
        .describe(
          'Tells the page\'s scripts, by `<script type="application/json" id="sluice-flags">` in the head.',
        ),
    })
    .optional()
    .describe("Edits of HTML pages on the feature's routes."),
});
export type Gate = z.infer<typeof Gate>;
