// Which paths are those of assets and not of pages: pictures, styles, scripts, fonts, and the files that browsers and crawlers
// fetch for themselves.

/** Files that browsers and crawlers fetch for themselves, whether a page names them or not. */
const WELL_KNOWN =
  /\/(?:\.well-known\/.*|(?:robots|humans|security|ads|app-ads)\.txt|favicon\.ico|sitemap\w*\.xml|browserconfig\.xml|apple-touch-icon[\w-]*\.png|(?:site|manifest)\.(?:webmanifest|json)|(?:sw|service-worker|serviceworker)\.js)$/;

const ASSET_ENDING =
  /\.(?:css|m?js|map|png|jpe?g|gif|webp|avif|svg|ico|woff2?|ttf|otf|mp[34]|webm|ogg|wasm)$/i;

// Most paths have no dot, and one look tells it.
export const isWellKnownPath = (path: string): boolean => path.includes(".") && WELL_KNOWN.test(path);
export const hasAssetEnding = (path: string): boolean => path.includes(".") && ASSET_ENDING.test(path);

export const isAssetPath = (path: string): boolean => hasAssetEnding(path) || isWellKnownPath(path);
