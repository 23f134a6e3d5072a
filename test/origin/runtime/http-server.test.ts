// What proxies and clients meet that hold connections open.
import { Agent, get } from "node:http";
import { connect, createServer } from "node:net";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { getRequestListener } from "@hono/node-server";
import { expect, test } from "vitest";
import { makeHttpServer } from "../../../origin/runtime/http-server.ts";

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return address.port;
};

test("an idle connection stays open longer than Node's five seconds, and does not hold up the stop", async () => {
  const server = makeHttpServer((_request, response) => response.end("ok"));
  const port = await freePort();
  await server.listen({ host: "127.0.0.1", port });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = async () => {
    const request = get({ host: "127.0.0.1", port, agent });
    const [response] = await once(request, "response");
    response.resume();
    await once(response, "end");
    return { keepAlive: response.headers["keep-alive"], reused: request.reusedSocket };
  };
  expect(await ask()).toEqual({ keepAlive: "timeout=75", reused: false });
  await sleep(6_500);
  expect(await ask()).toEqual({ keepAlive: "timeout=75", reused: true });
  const began = performance.now();
  await server.stop();
  expect(performance.now() - began).toBeLessThan(4_000);
  agent.destroy();
});

test("health is told to a balancer that names no host, and nothing else is", async () => {
  const listener = getRequestListener((request) => new Response(new URL(request.url).pathname));
  const server = makeHttpServer((request, response) => void listener(request, response));
  const port = await freePort();
  await server.listen({ host: "127.0.0.1", port });
  const answerTo = async (head: string): Promise<string> => {
    const socket = connect(port, "127.0.0.1").setEncoding("latin1");
    socket.write(`${head}\r\n\r\n`);
    let text = "";
    socket.on("data", (chunk: string) => {
      text += chunk;
      if (text.includes("\r\n\r\n")) socket.end();
    });
    await once(socket, "close");
    return text.split("\r\n", 1)[0] ?? "";
  };
  for (const path of ["/livez", "/readyz", "/readyz?from=haproxy"])
    for (const version of ["1.0", "1.1"])
      expect(await answerTo(`GET ${path} HTTP/${version}`)).toBe("HTTP/1.1 200 OK");
  for (const head of ["GET /metrics HTTP/1.0", "GET /metrics HTTP/1.1", "GET /readyzz HTTP/1.1"])
    expect(await answerTo(head), head).toMatch(/^HTTP\/1\.1 400/);
  expect(await answerTo("GET /metrics HTTP/1.1\r\nHost: a")).toBe("HTTP/1.1 200 OK");
  await server.stop();
});
