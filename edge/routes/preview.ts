// `GET /.sluice/preview`: the link that an operator opens. Until it expires, their browser sees the feature open.
import { Hono } from "hono";
import { previewCookie, type PreviewError, type Previews } from "../visitor/preview.ts";
import { previewedId } from "../features/evaluate.ts";
import type { SnapshotCache } from "../snapshot/cache.ts";
import { escape, ownPage } from "./own-page.ts";
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

/** A person reads a page, a program a problem. */
const refuse = (request: Request, detail: string): Response | Promise<Response> =>
  request.headers.get("Accept")?.includes("text/html") === true
    ? ownPage(
        {
          title: "This preview link shows nothing",
          body: `<p class="notice bad">${escape(detail)}</p><p>Ask whoever gave it to you for a new one. <a href="/.sluice/overlay">What you get here without it</a></p>`,
        },
        403,
      )
    : problem(403, detail);

export const makePreviewRoute = ({ cache, previews, now }: Dependencies): Hono => {
  const route = new Hono();

  route.get("/", async (c) => {
    const token = c.req.query("token") ?? "";
    const preview = await previews.verify(token);
    if (!preview.ok) return refuse(c.req.raw, `the preview link is ${REASONS[preview.error.reason]}`);
    const { snapshot } = await cache.read(waitUntilOf(c));
    if (previewedId(snapshot, preview.value) === null)
      return refuse(c.req.raw, "the preview link has ended: the feature was opened again or removed since");
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
