// A request's body as text, no longer than allowed. Every route of Sluice reads its body here.
import { err, ok, type Result } from "../../shared/result.ts";

export type BodyError = { readonly reason: "tooLarge"; readonly maxBytes: number };

/** Stops reading at the limit, whatever Content-Length says. */
export const readBody = async (request: Request, maxBytes: number): Promise<Result<string, BodyError>> => {
  const tooLarge = err({ reason: "tooLarge", maxBytes } as const);
  if (Number(request.headers.get("Content-Length") ?? 0) > maxBytes) return tooLarge;
  if (request.body === null) return ok("");
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = "";
  for await (const chunk of request.body) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) return tooLarge;
    text += decoder.decode(chunk, { stream: true });
  }
  return ok(text + decoder.decode());
};
