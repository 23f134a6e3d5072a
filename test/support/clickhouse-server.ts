// What of ClickHouse's HTTP interface Sluice uses, before the real engine (chdb): inserts, settings,
// the database and the user by their parameters and headers, gzip, errors in ClickHouse's words. A second port takes the test's
// own queries and faults. node clickhouse-server.ts FOLDER PORT CONTROL-PORT [CERTIFICATE KEY]; says "ready".
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { createRequire } from "node:module";
import { gunzipSync } from "node:zlib";

type Session = { readonly query: (sql: string, format: string) => string };
const { Session: open } = createRequire(new URL("../clickhouse/package.json", import.meta.url))("chdb") as {
  Session: new (folder: string) => Session;
};

const [folder = "", port, controlPort, certificate = "", key = ""] = process.argv.slice(2);
const session = new open(folder);
session.query("create database if not exists sluice", "TSV");

/** Of the interface itself; the rest are settings. */
const INTERFACE = new Set([
  "query",
  "database",
  "query_id",
  "session_id",
  "wait_end_of_query",
  "default_format",
]);
const USER = "sluice:clickhouse-password";
/** "answerLost": does it and closes the connection. "busy": refuses as a server that has too many parts. */
let fault = "none";

const bodyOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return (request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body).toString();
};

const refuse = (response: ServerResponse, status: number, text: string): void => {
  response
    .writeHead(status, { "x-clickhouse-exception-code": /Code: (\d+)/.exec(text)?.[1] ?? "0" })
    .end(text);
};

const withSettings = (query: string, url: URL): string => {
  const settings = [...url.searchParams]
    .filter(([name]) => !INTERFACE.has(name))
    .map(([name, value]) => `${name} = '${value.replaceAll("'", "\\'")}'`);
  const [, insert, format] = /^(insert .*?)( format \w+)$/is.exec(query) ?? [];
  return insert === undefined || settings.length === 0
    ? query
    : `${insert} settings ${settings.join(", ")}${format}`;
};

/** In the database `sluice`; the answer is lines of JSON. */
const run = (query: string, database: string): string => {
  session.query(`use ${database}`, "TSV");
  return session.query(query, "JSONEachRow");
};
const wordsOf = (error: unknown): string => String(error).replace(/^.*?(?=Code: )/s, "");

const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const url = new URL(request.url ?? "/", "http://server");
  const body = await bodyOf(request);
  const given = Buffer.from(request.headers.authorization?.slice("Basic ".length) ?? "", "base64").toString();
  if (given !== USER)
    return refuse(response, 403, "Code: 516. DB::Exception: Authentication failed. (AUTHENTICATION_FAILED)");
  if (fault === "busy")
    return refuse(response, 503, "Code: 252. DB::Exception: Too many parts (300). (TOO_MANY_PARTS)");
  try {
    const { searchParams } = url;
    const query = `${withSettings(searchParams.get("query") ?? "", url)}\n${body}`;
    const found = run(query, searchParams.get("database") ?? "default");
    if (fault === "answerLost") request.socket.destroy();
    else response.end(found);
  } catch (error) {
    refuse(response, 500, wordsOf(error));
  }
};

/** For the test: its own queries, and faults. */
const control = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const body = await bodyOf(request);
  try {
    if (request.url === "/fault") fault = body;
    response.end(request.url === "/fault" ? "" : run(body, "sluice"));
  } catch (error) {
    refuse(response, 500, wordsOf(error));
  }
};

const listener = (request: IncomingMessage, response: ServerResponse): void => void handle(request, response);
const server =
  certificate === "" || key === ""
    ? createServer(listener)
    : createTlsServer({ cert: readFileSync(certificate), key: readFileSync(key) }, listener);
server.listen(Number(port), "127.0.0.1", () => {
  createServer((request, response) => void control(request, response)).listen(
    Number(controlPort),
    "127.0.0.1",
    () => process.stdout.write("ready\n"),
  );
});
