// A static site: two files.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const read = (name) => readFileSync(new URL(`public/${name}`, import.meta.url));
const files = {
  "/": { type: "text/html", body: read("index.html") },
  "/page.bundle.js": { type: "text/javascript", body: read("page.bundle.js") },
};

const server = createServer((request, response) => {
  const file = files[new URL(request.url, "http://site").pathname];
  if (file === undefined) response.writeHead(404).end("not found");
  else response.writeHead(200, { "Content-Type": file.type }).end(file.body);
});

const port = Number(process.env.PORT ?? 3000);
server.listen(port, "127.0.0.1", () => console.log(`The site is at http://127.0.0.1:${port}`));
