// Which responses a shared cache could keep, and what a response for a cohort says to it.
import { expect, test } from "vitest";
import { isShared, unshare } from "../../edge/proxy/caching.ts";

test.each([
  [{}, true],
  [{ "Cache-Control": "public, max-age=60" }, true],
  [{ "Cache-Control": "max-age=60" }, true],
  [{ "Cache-Control": "" }, true],
  [{ "Cache-Control": "private, max-age=60" }, false],
  [{ "Cache-Control": "No-Store" }, false],
  [{ "Cache-Control": "private", "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT" }, false],
  [{ "Last-Modified": "Thu, 01 Jan 2026 00:00:00 GMT" }, true],
  [{ Expires: "Thu, 01 Jan 2026 00:00:00 GMT" }, true],
])("a shared cache may keep a response with %j: %s", (headers, expected) => {
  expect(isShared(new Headers(headers as Record<string, string>))).toBe(expected);
});

test.each([
  ["public, max-age=60", "private, max-age=60"],
  ["max-age=60, s-maxage=600, must-revalidate", "private, max-age=60, must-revalidate"],
  ["Public, S-MaxAge=1, proxy-revalidate", "private"],
  ["", "private"],
])("Cache-Control: %s becomes %s, so that the browser may still keep it", (before, after) => {
  const headers = new Headers({ "Cache-Control": before });
  unshare(headers);
  expect(headers.get("Cache-Control")).toBe(after);
});

test("headers that speak to shared caches alone are removed", () => {
  const headers = new Headers({
    "CDN-Cache-Control": "max-age=60",
    "Cloudflare-CDN-Cache-Control": "max-age=60",
    "Surrogate-Control": "max-age=60",
    "X-Other": "stays",
  });
  unshare(headers);
  expect([...headers.keys()].toSorted()).toEqual(["cache-control", "x-other"]);
});
