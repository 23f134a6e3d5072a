// The link that signs the person at the terminal in: it works once, so that no token has to stand in a browser's history.
import { z } from "zod";

const Link = z.object({ url: z.string() });

/** `next`: the page that it leads to. null where the origin has no admin API. */
export const makeSignInLink = async (
  { originUrl, adminToken }: { originUrl: string; adminToken: string },
  next = "/",
): Promise<string | null> => {
  const answer = await fetch(`${originUrl}/admin/v1/sign-in-links`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminToken}` },
  });
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`no sign-in link could be made: ${await answer.text()}`);
  const { url } = Link.parse(await answer.json());
  return next === "/" ? url : `${url}?next=${encodeURIComponent(next)}`;
};
