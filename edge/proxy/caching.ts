// A response that was made for a cohort must not reach another from a shared cache before or behind the gate. The request
// tells a cache behind the gate (see `toUpstream`), the response one before it. The gate itself keeps pages (kept/), since
// it knows cohorts. Visitors whom no feature concerns share caches as ever.

/** Tells caches between the gate and the site to neither answer from their store nor store the answer. */
export const UNSHARED_REQUEST = "no-cache, no-store";

/** The same for Cloudflare's own cache. It costs a twentieth of a request's CPU (measured in workerd). */
export const UNSHARED_FETCH: RequestInitCfProperties = { cacheTtl: -1 };

/** Whether `fetch` passes a cache of the platform's. workerd alone has none, and its cache API fails with these words. */
export const passesCache = async (): Promise<boolean> => {
  try {
    await caches.default.match("https://sluice.invalid/");
    return true;
  } catch (error) {
    return !(error instanceof Error && error.message.includes("No Cache was configured"));
  }
};

/** The browser asks each time whether its copy is still right, so that no copy outlives a feature's state. */
export const REVALIDATED = "private, no-cache";

const FOR_SHARED_CACHES = ["CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "Surrogate-Control"];

/**
 * Whether a shared cache may keep the response: by permission, by its own guess from Last-Modified, or, as CDNs do, for a
 * default lifetime where nothing is said.
 */
export const isShared = (headers: Headers): boolean =>
  !/\b(?:private|no-store)\b/i.test(headers.get("Cache-Control") ?? "");

const withoutSharing = (control: string): string => {
  const directives = control.split(",").map((directive) => directive.trim());
  const remaining = directives.filter(
    (each) => each !== "" && !/^(?:public|s-maxage|proxy-revalidate)\b/i.test(each),
  );
  return ["private", ...remaining].join(", ");
};

/** Forbids shared caches. The visitor's own browser may keep the response as before, or has to ask each time. */
export const unshare = (headers: Headers, { isRevalidated = false } = {}): void => {
  headers.set(
    "Cache-Control",
    isRevalidated ? REVALIDATED : withoutSharing(headers.get("Cache-Control") ?? ""),
  );
  for (const name of FOR_SHARED_CACHES) headers.delete(name);
};
