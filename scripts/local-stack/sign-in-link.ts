// The link that signs the person at the terminal in: it works once, so that no token has to stand in a browser's history.
import { z } from "zod";
import type { RunningStack } from "./stack-process.ts";

const Link = z.object({ url: z.string() });

/** null where the origin has no admin API. */
export const makeSignInLink = async ({ originUrl, secrets }: RunningStack): Promise<string | null> => {
  const answer = await fetch(`${originUrl}/admin/v1/sign-in-links`, {
    method: "POST",
    headers: { authorization: `Bearer ${secrets.adminToken}` },
  });
  if (answer.status === 404) return null;
  if (!answer.ok) throw new Error(`no sign-in link could be made: ${await answer.text()}`);
  return Link.parse(await answer.json()).url;
};
