// What the site's own pages post to Sluice. Browsers name the page's origin in every POST; who names none is no page.
import { err, ok, type Result } from "../../shared/result.ts";

export type PostRefusal = "foreign" | "tooLarge";

const isOwnPage = (request: Request): boolean => {
  const origin = request.headers.get("Origin");
  if (origin !== null) return origin === new URL(request.url).origin;
  return request.headers.get("Sec-Fetch-Site") === "same-origin";
};

/** The body's text. Reads no more than is allowed, whatever Content-Length says. */
export const readPosted = async (
  request: Request,
  maxCharacters: number,
): Promise<Result<string, PostRefusal>> => {
  if (!isOwnPage(request)) return err("foreign");
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of request.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > maxCharacters) return err("tooLarge");
  }
  return ok(text);
};
