// What was made for a cohort is for that visitor only: no shared cache, before or behind the gate, may hand it on to
// another. A cache behind is told with the request (see `toUpstream`), one before it with the response. Visitors whom
// no feature concerns share caches as ever.

/** Request header for caches between the gate and the site: neither answer from the store nor keep the answer. */
export const UNSHARED_REQUEST = "no-cache, no-store";

/** For Cloudflare's own cache, where `fetch` passes through it. Costs a request a twentieth of its CPU (measured in workerd). */
export const UNSHARED_FETCH: RequestInitCfProperties = { cacheTtl: -1 };

/** Whether `fetch` passes a cache of the platform's: workerd alone has none, and says so when it is asked. */
export const passesCache = async (): Promise<boolean> => {
  try {
    await caches.default.match("https://sluice.invalid/");
    return true;
  } catch (error) {
    return !(error instanceof Error && error.message.includes("No Cache was configured"));
  }
};

const FOR_SHARED_CACHES = ["CDN-Cache-Control", "Cloudflare-CDN-Cache-Control", "Surrogate-Control"];

/** Whether a shared cache may keep the response: by permission, or by its own guess from Last-Modified. */
export const isShared = (headers: Headers): boolean => {
  const control = headers.get("Cache-Control");
  if (control === null) return headers.has("Last-Modified") || headers.has("Expires");
  return !/\b(?:private|no-store)\b/i.test(control);
};

/** Leaves the visitor's own browser what it was allowed. */
export const unshare = (headers: Headers): void => {
  const directives = (headers.get("Cache-Control") ?? "").split(",").map((directive) => directive.trim());
  const kept = directives.filter(
    (each) => each !== "" && !/^(?:public|s-maxage|proxy-revalidate)\b/i.test(each),
  );
  headers.set("Cache-Control", ["private", ...kept].join(", "));
  for (const name of FOR_SHARED_CACHES) headers.delete(name);
};
