// What the CLI says to somebody who has the wrong address, token, certificate or proxy, and to a program that reads it.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { readCommand, type CommandNode } from "../../origin/cli/command-tree.ts";
import { checkArguments } from "../../origin/cli/check-arguments.ts";
import { sluice as commands } from "../../origin/cli/commands.ts";
import { examples } from "../../origin/cli/examples.ts";
import { nearest } from "../../origin/cli/nearest.ts";
import { programPath } from "../../scripts/system-programs.ts";
import { runCli } from "../support/cli.ts";
import { listenOnLoopback } from "../support/listen.ts";

const folder = await mkdtemp(join(tmpdir(), "sluice-strangers-"));
const servers: Server[] = [];
afterAll(async () => {
  for (const server of servers) server.close();
  await rm(folder, { recursive: true, force: true });
});

const listening = async (server: Server, scheme = "http"): Promise<string> => {
  servers.push(server);
  const { port } = await listenOnLoopback(server);
  return `${scheme}://127.0.0.1:${port}`;
};
const answering = (handle: RequestListener): Promise<string> => listening(createServer(handle));

const status = (url: string, more: readonly string[] = [], env: Readonly<Record<string, string>> = {}) =>
  runCli(["status", ...more], { SLUICE_URL: url, SLUICE_TOKEN: "a-token", ...env });

describe("an address that is no origin's is said in one line, with what to do", () => {
  test("a proxy's web page", async () => {
    const url = await answering((_, response) =>
      response
        .writeHead(502, { "content-type": "text/html" })
        .end("<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"),
    );
    const { code, out, error } = await status(url);
    expect({ code, out }).toEqual({ code: 1, out: "" });
    expect(error).toBe(
      `sluice: ${url} answers 502 with a web page (“502 Bad Gateway”), so it is no origin, or a proxy stands before it. ` +
        "SLUICE_URL must lead to the origin, past sign-in pages\n",
    );
  });

  test("a redirect, which would lose the token and make a GET of a POST", async () => {
    const seen: (string | undefined)[] = [];
    const url = await answering((request, response) => {
      seen.push(request.method);
      response.writeHead(301, { location: "https://sluice.example/admin/v1/features" }).end();
    });
    const { code, error } = await runCli(["rollback", "feat_a", "--reason", "x"], {
      SLUICE_URL: url,
      SLUICE_TOKEN: "a-token",
    });
    expect(code).toBe(1);
    expect(error).toContain("redirects to https://sluice.example/admin/v1/features. Set SLUICE_URL");
    expect(seen).toEqual(["POST"]);
  });

  test("a service that answers another kind of JSON", async () => {
    const url = await answering((_, response) =>
      response.writeHead(200, { "content-type": "application/json" }).end('{"features":[{"id":1}]}'),
    );
    const { code, error } = await status(url);
    expect(code).toBe(1);
    expect(error).toMatch(/answers in a form that this version does not know \(features\.0\.featureId: /);
    expect(error.split("\n")).toHaveLength(2);
  });

  test("too many requests, with the time to wait", async () => {
    const url = await answering((_, response) =>
      response
        .writeHead(429, { "content-type": "application/problem+json", "retry-after": "7" })
        .end('{"title":"Too Many Requests","status":429}'),
    );
    expect((await status(url)).error).toBe(
      `sluice: the origin at ${url} answers 429: Too Many Requests; try again in 7 s\n`,
    );
  });

  test("plain http where https is asked for", async () => {
    const url = (await answering((_, response) => response.end())).replace("http:", "https:");
    expect((await status(url)).error).toContain(`what listens at ${url} speaks no TLS. Use http://`);
  });

  test("a host that does not exist", async () => {
    expect((await status("https://sluice.invalid")).error).toContain(
      "there is no host of the name in https://sluice.invalid",
    );
  });

  test("a certificate that this machine does not know, until its authority is named", async () => {
    const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
    const words =
      "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=sluice";
    const name = ["-addext", "subjectAltName=IP:127.0.0.1"];
    execFileSync(
      programPath("openssl", "npm test"),
      [words.split(" "), name, ["-keyout", key, "-out", cert]].flat(),
    );
    const server = createSecureServer(
      { key: await readFile(key), cert: await readFile(cert) },
      (_, response) =>
        response.writeHead(200, { "content-type": "application/json" }).end('{"features":[],"next":null}'),
    );
    const url = await listening(server, "https");
    expect((await status(url)).error).toMatch(
      /the certificate at .* is signed by nobody whom this machine knows\. .*NODE_EXTRA_CA_CERTS/,
    );
    const trusting = await status(url, [], { NODE_EXTRA_CA_CERTS: cert });
    expect(trusting).toMatchObject({ code: 0, error: "there are no features\n" });
  });
});

test("an origin below a path is asked below it, and /admin/v1 at the end does no harm", async () => {
  const asked: (string | undefined)[] = [];
  const url = await answering((request, response) => {
    asked.push(request.url);
    response.writeHead(200, { "content-type": "application/json" }).end('{"features":[],"next":null}');
  });
  await status(`${url}/sluice/`);
  await status(`${url}/sluice/admin/v1`);
  expect(asked).toEqual(Array(2).fill("/sluice/admin/v1/features?limit=500"));
});

test("a token with a line break is named as what it is, and not repeated", async () => {
  const { code, error } = await status("http://127.0.0.1:1", [], { SLUICE_TOKEN: "hunter2\nhunter3" });
  expect(code).toBe(2);
  expect(error).toContain("SLUICE_TOKEN holds characters that no token has");
  expect(error).not.toContain("hunter");
});

test("with --json a failure is one JSON object on standard error", async () => {
  const url = await answering((_, response) =>
    response
      .writeHead(409, { "content-type": "application/problem+json" })
      .end('{"title":"Conflict","status":409,"reason":"alreadyClosed"}'),
  );
  const failed = await status(url, ["--json"]);
  expect(failed).toMatchObject({ code: 1, out: "" });
  expect(JSON.parse(failed.error)).toEqual({
    error: `the origin at ${url} answers 409: Conflict`,
    exitCode: 1,
    problem: { title: "Conflict", status: 409, reason: "alreadyClosed" },
  });
  const misused = await status(url, ["--json", "--tga", "x"]);
  expect(JSON.parse(misused.error)).toEqual({
    error: "unknown option --tga; did you mean --tag?",
    exitCode: 2,
  });
});

test("a reader that has enough ends the command without an error", async () => {
  const features = Array.from({ length: 20_000 }, (_, at) => ({
    featureId: `feat_${at}`,
    enabled: true,
    rolloutBps: 1,
    holdoutBps: 1,
    rolledBackAt: null,
    rollbackReason: null,
    verdict: null,
  }));
  const url = await answering((_, response) =>
    response
      .writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify({ features, next: null })),
  );
  const script = `${process.execPath} origin/cli/main.ts status | head -1; echo "\${PIPESTATUS[0]}"`;
  const child = spawn("bash", ["-c", script], {
    env: { PATH: process.env["PATH"], SLUICE_URL: url, SLUICE_TOKEN: "a-token" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await once(child, "close");
  expect(said).toMatch(/^FEATURE +STATE.*\n0\n$/);
});

const allOf = (node: CommandNode, path: readonly string[] = []): [string, CommandNode][] => [
  ...(path.length === 0 ? [] : [[path.join(" "), node] as [string, CommandNode]]),
  ...node.children.flatMap((child) => allOf(child, [...path, child.name])),
];
const every = allOf(await readCommand("sluice", commands));

describe("help", () => {
  test("--version names the version", async () => {
    expect(await runCli(["--version"])).toMatchObject({ code: 0, out: "sluice 0.1.0\n", error: "" });
  });

  test("-h shows usage, options and examples, and runs nothing", async () => {
    const { code, out, error } = await runCli(["rollback", "-h"]);
    expect({ code, error }).toEqual({ code: 0, error: "" });
    expect(out).toContain("npx sluice rollback [FEATURE] --reason REASON [options]");
    expect(out).toContain('npx sluice rollback --tag checkout --reason "incident 4711"');
    expect((await runCli(["help", "rollback"])).out).toBe(out);
    expect(Math.max(...out.split("\n").map((line) => line.length))).toBeLessThanOrEqual(100);
  });

  test.each(every)("%s says what it does", (_, { description, arguments: all }) => {
    expect(description).not.toBe("");
    expect(all.filter((one) => one.description === "")).toEqual([]);
  });

  test("every command shows an example", () => {
    const without = every.filter(([path, { runs }]) => runs && examples[path] === undefined);
    expect(without.map(([path]) => path)).toEqual([]);
  });

  test.each(Object.entries(examples))("the examples of %s are commands as it takes them", (path, shown) => {
    const node = every.find(([name]) => name === path)?.[1];
    if (node === undefined) throw new Error(`there is no command ${path}`);
    for (const { command } of shown) {
      const words = (/npx sluice (.*)/.exec(command)?.[1] ?? "").replace(/ [|>].*/, "");
      const parsed = [...words.matchAll(/"([^"]*)"|(\S+)/g)].map(
        ([, quoted, plain]) => quoted ?? plain ?? "",
      );
      const deepest = path.split(" ").length;
      const isOfPath = parsed.slice(0, deepest).join(" ") === path;
      expect(isOfPath, command).toBe(true);
      if (node.children.length === 0) checkArguments(node, parsed.slice(deepest));
    }
  });
});

test.each([
  ["rolback", "rollback"],
  ["stauts", "status"],
  ["enab", "enable"],
  ["x", undefined],
  ["completely-different", undefined],
])("of %s the nearest command is %s", (word, meant) => {
  expect(
    nearest(
      word,
      every.map(([name]) => name),
    ),
  ).toBe(meant);
});
