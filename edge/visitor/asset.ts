// What is an asset and no page: pictures, styles, scripts, fonts, and the files that browsers and crawlers fetch for
// themselves. A path says it to everybody alike; what else a request says about itself is its sender's word.

/** Files that browsers and crawlers fetch for themselves, whether a page names them or not. */
const WELL_KNOWN =
  /\/(?:\.well-known\/.*|(?:robots|humans|security|ads|app-ads)\.txt|favicon\.ico|sitemap\w*\.xml|browserconfig\.xml|apple-touch-icon[\w-]*\.png|(?:site|manifest)\.(?:webmanifest|json)|(?:sw|service-worker|serviceworker)\.js)$/;

const ASSET_PATH = /\.(?:css|m?js|map|png|jpe?g|gif|webp|avif|svg|ico|woff2?|ttf|otf|mp[34]|webm|ogg|wasm)$/i;
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

export const isWellKnownPath = (path: string): boolean => WELL_KNOWN.test(path);

/** Most paths have no dot. */
export const isAssetPath = (path: string): boolean =>
  path.includes(".") && (ASSET_PATH.test(path) || WELL_KNOWN.test(path));

/** What a client without fetch metadata asks for, by its path and by what it accepts. */
export const acceptsAsset = ({ headers }: Pick<Request, "headers">, path: string): boolean => {
  if (ASSET_PATH.test(path)) return true;
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
