// `GET /.sluice/preview`: the link that an operator opens. Until it expires, their browser sees the feature open.
import { Hono } from "hono";
import { previewCookie, type PreviewError, type Previews } from "../visitor/preview.ts";
import { previewedId } from "../features/evaluate.ts";
import type { SnapshotCache } from "../snapshot/cache.ts";
import { problem } from "./problem.ts";
import { waitUntilOf } from "./wait-until.ts";

type Dependencies = {
  readonly cache: Pick<SnapshotCache, "read">;
  readonly previews: Previews;
  readonly now: () => number;
};

const REASONS = {
  malformed: "malformed",
  expired: "not valid now",
  signature: "not signed with a key of this installation",
  off: "of no use: this edge has no PREVIEW_KEYS",
} as const satisfies Record<PreviewError["reason"], string>;

/** A path of the site itself: a link that looks like the site's own leads nowhere else. */
const ownPath = (to: string | undefined): string =>
  to !== undefined && /^\/(?![/\\])[^\s\\]*$/.test(to) ? to : "/";

export const makePreviewRoute = ({ cache, previews, now }: Dependencies): Hono => {
  const route = new Hono();

  route.get("/", async (c) => {
    const token = c.req.query("token") ?? "";
    const preview = await previews.verify(token);
    if (!preview.ok) return problem(403, `the preview link is ${REASONS[preview.error.reason]}`);
    const { snapshot } = await cache.read(waitUntilOf(c));
    if (previewedId(snapshot, preview.value) === null)
      return problem(403, "the preview link has ended: the feature was opened again or removed since");
    const maxAgeS = Math.floor(preview.value.expires - now() / 1_000);
    c.header("Set-Cookie", previewCookie(c.req.url, token, maxAgeS));
    return c.redirect(ownPath(c.req.query("to")), 303);
  });

  route.get("/end", (c) => {
    c.header("Set-Cookie", previewCookie(c.req.url, null, 0));
    return c.redirect(ownPath(c.req.query("to")), 303);
  });

  return route;
};
