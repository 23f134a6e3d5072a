import { expect, test } from "vitest";
import { locationHint } from "../../edge/snapshot/region.ts";

// Cities on either side of each border, by the location hints that Cloudflare documents.
test.each([
  ["San Francisco", "NA", -122.4, "wnam"],
  ["New York", "NA", -74, "enam"],
  ["São Paulo", "SA", -46.6, "sam"],
  ["London", "EU", -0.1, "weur"],
  ["Berlin", "EU", 13.4, "weur"],
  ["Warsaw", "EU", 21, "eeur"],
  ["Tel Aviv", "AS", 34.8, "me"],
  ["Dubai", "AS", 55.3, "me"],
  ["Mumbai", "AS", 72.9, "apac"],
  ["Tokyo", "AS", 139.7, "apac"],
  ["Lagos", "AF", 3.4, "afr"],
  ["Sydney", "OC", 151.2, "oc"],
])("visitors of %s (%s, %d) have their replica in %s", (_, continent, longitude, hint) => {
  expect(locationHint({ continent, longitude: String(longitude) })).toBe(hint);
});

test("without Cloudflare's properties the replica is in Western Europe", () => {
  expect(locationHint(undefined)).toBe("weur");
  expect(locationHint({})).toBe("weur");
  expect(locationHint({ continent: "AN", longitude: "0" })).toBe("weur");
});
