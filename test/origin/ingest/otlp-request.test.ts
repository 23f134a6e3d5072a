// Which requests are admitted, from their heads alone.
import { describe, expect, test } from "vitest";
import type { IngestRight } from "../../../origin/ingest/may-ingest.ts";
import { errorResponse } from "../../../origin/ingest/otlp-response.ts";
import { readRequestHead } from "../../../origin/ingest/otlp-request.ts";
import { MAX_BODY_BYTES } from "../../../origin/ingest/request-body.ts";

const headers = {
  "content-type": "application/x-protobuf",
  "content-length": "10",
};
const read = (
  changes: { method?: string; url?: string; headers?: Record<string, string | undefined> } = {},
  right: IngestRight = { may: true },
) =>
  readRequestHead(
    { method: "POST", url: "/v1/traces", ...changes, headers: { ...headers, ...changes.headers } },
    right,
  );

describe("a request is admitted", () => {
  test("with its signal, encoding, compression and length", () => {
    expect(read()).toEqual({
      ok: true,
      value: { signal: "traces", encoding: "protobuf", compression: null, contentLength: 10 },
    });
    const json = { "content-type": "Application/JSON; charset=utf-8", "content-encoding": "GZIP" };
    expect(read({ url: "/v1/logs?a=1", headers: { ...json, "content-length": undefined } })).toEqual({
      ok: true,
      value: { signal: "logs", encoding: "json", compression: "gzip", contentLength: null },
    });
  });

  test.each([
    ["gzip", "gzip"],
    ["x-gzip", "gzip"],
    ["X-GZip", "gzip"],
    ["gzip, identity", "gzip"],
    ["zstd", "zstd"],
    ["", null],
    [" ", null],
    ["identity", null],
  ])("with the content coding %j, which packs by %s", (coding, compression) => {
    expect(read({ headers: { "content-encoding": coding } })).toMatchObject({
      ok: true,
      value: { compression },
    });
  });

  test("of the largest size", () => {
    expect(read({ headers: { "content-length": String(MAX_BODY_BYTES) } }).ok).toBe(true);
  });
});

describe("a request is refused", () => {
  const cases: [string, Parameters<typeof read>[0], string][] = [
    ["for another path", { url: "/v1/profiles" }, "unknownPath"],
    ["of metrics", { url: "/v1/metrics?x=1" }, "metricsNotTaken"],
    ["for a longer path", { url: "/v1/traces/" }, "unknownPath"],
    ["for another method", { method: "GET" }, "methodNotAllowed"],
    ["for another content type", { headers: { "content-type": "text/plain" } }, "unsupportedType"],
    ["without a content type", { headers: { "content-type": undefined } }, "unsupportedType"],
    [
      "for a content type of an object's own property",
      { headers: { "content-type": "constructor" } },
      "unsupportedType",
    ],
    ["for a path of an object's own property", { url: "__proto__" }, "unknownPath"],
    ["for gzip in gzip", { headers: { "content-encoding": "gzip, gzip" } }, "unsupportedCompression"],
    ["for another compression", { headers: { "content-encoding": "br" } }, "unsupportedCompression"],
    ["for a larger body", { headers: { "content-length": String(MAX_BODY_BYTES + 1) } }, "bodyTooLarge"],
  ];
  test.each(cases)("%s", (_title, changes, reason) => {
    expect(read(changes)).toEqual({ ok: false, error: { reason } });
  });

  test("of somebody who may not send telemetry, before its type is looked at", () => {
    const refused = { ok: false, error: { reason: "unauthorized" } };
    const right: IngestRight = { may: false, reason: "unauthorized" };
    expect(read({ headers: { "content-type": "text/plain" } }, right)).toMatchObject(refused);
    expect(read({ url: "/v1/metrics" }, right)).toMatchObject(refused);
  });

  test("of a proxy without a token, and the answer names the header and what to set", () => {
    const refused = read({}, { may: false, reason: "proxied", by: "via" });
    if (refused.ok) throw new Error("it was admitted");
    const { status, body } = errorResponse("json", refused.error);
    expect(status).toBe(401);
    expect(body.toString()).toMatch(/the header via shows .* a proxy, .*: set INGEST_TOKEN at the origin/);
  });
});
