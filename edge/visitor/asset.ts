// Whether a request says of itself that it is for an asset, beside what its path says to everybody (shared/features/asset-path.ts):
// that is its sender's word.
import { hasAssetEnding } from "../../shared/features/asset-path.ts";

const ACCEPTS_ASSET = /^(?:image|font|audio|video)\/|^text\/css\b/;

/** Destinations (Fetch, 2.2.5) of requests that a browser makes for a page's parts. */
const ASSET_DESTINATIONS = new Set([
  "audio",
  "font",
  "image",
  "manifest",
  "script",
  "serviceworker",
  "sharedworker",
  "style",
  "track",
  "video",
  "worker",
]);

const ASSET_TYPE =
  /^\s*(?:image\/|font\/|audio\/|video\/|text\/css|(?:text|application)\/(?:x-)?javascript|application\/(?:manifest\+json|wasm))/i;

/** What a client without fetch metadata asks for, by its path and by what it accepts. */
export const acceptsAsset = ({ headers }: Pick<Request, "headers">, path: string): boolean => {
  if (hasAssetEnding(path)) return true;
  const accept = headers.get("Accept");
  return accept !== null && ACCEPTS_ASSET.test(accept) && !accept.includes("text/html");
};

/** Whether the request says of itself that it is for an asset. */
export const asksForAsset = (request: Pick<Request, "method" | "headers">, path: string): boolean => {
  if (request.method !== "GET" && request.method !== "HEAD") return false;
  const destination = request.headers.get("Sec-Fetch-Dest");
  return destination === null ? acceptsAsset(request, path) : ASSET_DESTINATIONS.has(destination);
};

/** Whether the response is an asset, whatever the request said. */
export const isAsset = (headers: Headers): boolean => ASSET_TYPE.test(headers.get("Content-Type") ?? "");
