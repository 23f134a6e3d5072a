// Reads what the site's own pages post to Sluice. Browsers name the page's origin in every POST; a request that names
// none is from no page.
import { err, type Result } from "../../shared/result.ts";
import { readBody, type BodyError } from "./read-body.ts";

export type PostError = BodyError | { readonly reason: "foreign" };

const isOwnPage = (request: Request): boolean => {
  const origin = request.headers.get("Origin");
  if (origin !== null) return origin === new URL(request.url).origin;
  return request.headers.get("Sec-Fetch-Site") === "same-origin";
};

export const readSameOriginPost = async (
  request: Request,
  maxBytes: number,
): Promise<Result<string, PostError>> =>
  isOwnPage(request) ? readBody(request, maxBytes) : err({ reason: "foreign" });
