// Where a redirect leads on the site, and with which method.
import { describe, expect, test } from "vitest";
import { isSamePage, methodAfter, pathOnSite } from "../../shared/features/redirects.ts";

const SITES = new Set(["shop.test", "shop.test:8443", "shop.test0"]);
const onSite = (to: string) => pathOnSite({ to }, (host) => SITES.has(host));

describe("the path of a redirect on the site", () => {
  test.each([
    ["/sale", "/sale"],
    ["/%73ale", "/sale"],
    ["https://shop.test", "/"],
    ["https://shop.test/", "/"],
    ["https://shop.test/Sale", "/Sale"],
    ["HTTPS://Shop.Test/Sale", "/Sale"],
    ["https://shop.test:443/sale", "/sale"],
    ["http://shop.test:80/sale", "/sale"],
    ["https://shop.test:8443/sale", "/sale"],
    ["https://me@shop.test/sale", "/sale"],
    ["https://me:@@shop.test/sale", "/sale"],
  ])("%s is %s", (to, path) => {
    expect(onSite(to)).toBe(path);
  });

  test.each([
    "https://other.test/sale",
    "http://shop.test:443/sale",
    "https://shop.test:80/sale",
    "https://shop.test:4430/sale",
    "http://shop.test:800/sale",
    "https://shop.test@other.test/sale",
    "ftp://shop.test/sale",
    "xhttps://shop.test/sale",
    "mailto:shop.test",
  ])("%s leaves the site", (to) => {
    expect(onSite(to)).toBe(null);
  });
});

test("two paths are one page in any spelling and in any reading that they share", () => {
  expect(isSamePage("/sale", "/sale")).toBe(true);
  expect(isSamePage("/sale", "/Sale/")).toBe(true);
  expect(isSamePage("/a/b", "/a%2Fb")).toBe(true);
  expect(isSamePage("/a%2Fb", "/a/b")).toBe(true);
  expect(isSamePage("/a/b", "/ab")).toBe(false);
  expect(isSamePage("/sale", "/")).toBe(false);
});

test.each([
  [302, "GET", "GET"],
  [302, "HEAD", "HEAD"],
  [302, "POST", "GET"],
  [302, "PUT", "PUT"],
  [303, "PUT", "GET"],
  [303, "HEAD", "HEAD"],
  [307, "POST", "POST"],
] as const)("after %s a browser that sent %s sends %s", (status, method, next) => {
  expect(methodAfter(status, method)).toBe(next);
});
