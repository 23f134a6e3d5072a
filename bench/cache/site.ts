// The site behind every contender of this bench, and the origin that takes their telemetry, in a process of their own. A
// page may be kept for an hour, and shows what the site was told.
import { createServer } from "node:http";

let requests = 0;

const server = createServer((request, response) => {
  if (request.method === "POST") {
    request.resume().on("end", () => response.end("{}"));
    return;
  }
  requests++;
  const told = String(request.headers["sluice-features"] ?? "");
  response.setHeader("Content-Type", "text/html; charset=utf-8");
  response.setHeader("Cache-Control", "public, max-age=3600");
  response.end(
    `<!doctype html><html><head><title>Shop</title></head><body><!--told ${told}-->` +
      `<p data-feature="feat_bench_0" hidden>New.</p>${"<p>A product.</p>".repeat(100)}</body></html>`,
  );
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address !== null && typeof address === "object") process.send?.(address.port);
});
/** Answers with the requests since it was asked last. */
process.on("message", () => {
  process.send?.(requests);
  requests = 0;
});
process.on("disconnect", () => process.exit());
