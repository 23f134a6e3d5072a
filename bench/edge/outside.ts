// The site behind every gate of this bench, and the origin that takes their telemetry, in a process of their own.
import { createServer } from "node:http";

const PAGE = `<!doctype html><html><head><title>Shop</title></head><body>${"<p>A product.</p>".repeat(100)}</body></html>`;

const server = createServer((request, response) => {
  if (request.method === "POST") {
    request.resume().on("end", () => response.end("{}"));
    return;
  }
  response.setHeader("Content-Type", "text/html; charset=utf-8");
  response.end(PAGE);
});
server.keepAliveTimeout = 60_000;
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address !== null && typeof address === "object") process.send?.(address.port);
});
process.on("disconnect", () => process.exit());
