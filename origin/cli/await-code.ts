// Waits for a person's browser to bring the code of a sign-in to a port of this machine.
import { createServer } from "node:http";
import { once } from "node:events";

const PAGE = `<!doctype html><meta charset="utf-8"><title>Sluice</title><p>The command line has what it needs. You can close this window.</p>`;

/** `openAt` gets the port. Throws when nobody comes in time. */
export const awaitCode = async (options: {
  state: string;
  withinMs: number;
  openAt: (port: number) => void;
}): Promise<string> => {
  const { state, withinMs, openAt } = options;
  let brought = (_code: string): void => {};
  const code = new Promise<string>((resolve) => (brought = resolve));
  const server = createServer((incoming, answer) => {
    const url = new URL(incoming.url ?? "/", "http://127.0.0.1");
    const given = url.searchParams.get("code");
    // Another page of this machine's browser may knock here; it does not know the state.
    const isOurs = url.pathname === "/callback" && url.searchParams.get("state") === state && given !== null;
    answer.writeHead(isOurs ? 200 : 404, {
      "content-type": "text/html; charset=utf-8",
      "content-security-policy": "default-src 'none'",
      connection: "close",
    });
    answer.end(isOurs ? PAGE : "");
    if (isOurs) answer.once("close", () => brought(given));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new Error(`nobody signed in within ${withinMs / 60_000} minutes; run sluice login again`)),
      withinMs,
    );
  });
  try {
    openAt(typeof address === "object" && address !== null ? address.port : 0);
    return await Promise.race([code, late]);
  } finally {
    clearTimeout(timer);
    server.closeAllConnections();
    server.close();
  }
};
