// What proxies and clients meet that hold connections open.
import { Agent, get } from "node:http";
import { createServer } from "node:net";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
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
