// `GET /.sluice/preview`: the link that an operator opens. Until it expires, their browser sees the feature open.
import { Hono } from "hono";
import { previewCookie, type PreviewError, type Previews } from "../visitor/preview.ts";
import { problem } from "./problem.ts";

type Dependencies = { readonly previews: Previews; readonly now: () => number };

const REASONS = {
  malformed: "malformed",
  expired: "not valid now",
  signature: "not signed with a key of this installation",
} as const satisfies Record<PreviewError["reason"], string>;

/** A path of the site itself: a link that looks like the site's own leads nowhere else. */
const ownPath = (to: string | undefined): string =>
  to !== undefined && /^\/(?![/\\])[^\s\\]*$/.test(to) ? to : "/";

export const makePreviewRoute = ({ previews, now }: Dependencies): Hono => {
  const route = new Hono();

  route.get("/", async (c) => {
    const token = c.req.query("token") ?? "";
    const preview = await previews.verify(token);
    if (!preview.ok) return problem(403, `the preview link is ${REASONS[preview.error.reason]}`);
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
