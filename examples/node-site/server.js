// A plain Node site behind Sluice's edge. The edge says by one request header who gets the feature.
import { createServer } from "node:http";

const books = [
  "Middlemarch",
  "Moby-Dick",
  "The Moonstone",
  "Persuasion",
  "The Time Machine",
  "Walden",
  "Wuthering Heights",
];

/** `Sluice-Features: feat_new_search=treatment, feat_other=holdout` as a map. */
const featuresOf = (request) =>
  new Map((request.headers["sluice-features"] ?? "").split(", ").map((pair) => pair.split("=")));

const searchForm = (query) => `
  <form>
    <label>Search <input name="q" value="${query}" /></label>
    <button>Find</button>
  </form>`;

const page = (hasSearch, query) => `<!doctype html>
<html lang="en">
  <meta charset="utf-8" />
  <title>Books</title>
  <style>
    body { font: 1.1rem/1.6 system-ui; max-width: 32rem; margin: 3rem auto; }
    ul { padding: 0; }
    li { display: flex; justify-content: space-between; padding: 0.2rem 0; }
    li form { margin: 0; }
  </style>
  <h1>Books</h1>
  ${hasSearch ? searchForm(query) : ""}
  <ul>
    ${books
      .filter((title) => title.toLowerCase().includes(query))
      .map((title) => `<li>${title} <form method="post" action="/orders"><button>Order</button></form></li>`)
      .join("\n    ")}
  </ul>
</html>`;

const server = createServer((request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://site");
  if (pathname === "/orders" && request.method === "POST") {
    response.writeHead(303, { Location: "/" }).end();
  } else if (pathname === "/") {
    const hasSearch = featuresOf(request).get("feat_new_search") === "treatment";
    const query = hasSearch ? (searchParams.get("q") ?? "").toLowerCase().replace(/[^a-z -]/g, "") : "";
    response.writeHead(200, { "Content-Type": "text/html" }).end(page(hasSearch, query));
  } else {
    response.writeHead(404).end("not found");
  }
});

const port = Number(process.env.PORT ?? 3000);
server.listen(port, "127.0.0.1", () => console.log(`The site is at http://127.0.0.1:${port}`));
