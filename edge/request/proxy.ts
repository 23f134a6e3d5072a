// The upstream's side of a request: one upstream request per request, bodies streamed, nothing touched but the names
// that are ours.

export const FEATURES_HEADER = "Sluice-Features";
export const UNIT_HEADER = "Sluice-Unit";

/** Where the path begins in an absolute URL. */
const pathStart = (url: string): number => {
  const at = url.indexOf("/", url.indexOf("//") + 2);
  return at < 0 ? url.length : at;
};

export const pathOf = (url: string): string => {
  const begin = pathStart(url);
  const query = url.indexOf("?", begin);
  return (query < 0 ? url.slice(begin) : url.slice(begin, query)) || "/";
};

/** The request as it goes upstream. `gate` null: as if Sluice were not there, except that nobody may pose as it. */
export const toUpstream = (
  request: Request,
  upstreamUrl: string,
  gate: { readonly features: string; readonly unitId: string } | null,
): Request => {
  const { url } = request;
  const target = upstreamUrl === "" ? url : upstreamUrl + url.slice(pathStart(url));
  const outgoing = new Request(target, request);
  const { headers } = outgoing;
  if (gate === null) {
    if (headers.has(FEATURES_HEADER)) headers.delete(FEATURES_HEADER);
    if (headers.has(UNIT_HEADER)) headers.delete(UNIT_HEADER);
  } else {
    headers.set(FEATURES_HEADER, gate.features);
    headers.set(UNIT_HEADER, gate.unitId);
  }
  return outgoing;
};
