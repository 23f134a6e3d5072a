// One visitor's browser as the edge sees it: cookies, an address, and the headers by which browsers say what a request is
// for. It can also do what browsers do to a server: leave early, upload slowly, read slowly.
import { Agent, request as httpRequest, type ClientRequest, type IncomingMessage } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { makeCookieJar, type CookieJar } from "../../scripts/demo/cookie-jar.ts";

const FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

export type Answer = {
  /** 0: the visitor left, or the connection broke. */
  readonly status: number;
  readonly body: string;
  readonly headers: IncomingMessage["headers"];
};

export type Asked = {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Sends the body in so many pieces, 100 ms apart. */
  readonly uploadPieces?: number;
  /** Leaves after this long: the connection is reset. */
  readonly leaveAfterMs?: number;
  /** Leaves by closing only its own side, as a plain `destroy()` does. */
  readonly halfClose?: boolean;
  /** Waits this long before it reads the body. */
  readonly readAfterMs?: number;
  readonly withCookie?: boolean;
};

export type Browser = {
  readonly jar: CookieJar;
  /** A navigation. */
  readonly open: (path: string, more?: Partial<Asked>) => Promise<Answer>;
  /** A form that navigates. */
  readonly submit: (path: string, more?: Partial<Asked>) => Promise<Answer>;
  /** A script's fetch() of its own site. */
  readonly call: (path: string, more?: Partial<Asked>) => Promise<Answer>;
  /** A picture, style or script. */
  readonly load: (path: string, more?: Partial<Asked>) => Promise<Answer>;
  /** Exactly these headers, beside cookie and address. */
  readonly send: (asked: Asked) => Promise<Answer>;
};

export type Connections = { readonly agent: Agent; readonly close: () => void };

export const openConnections = (): Connections => {
  const agent = new Agent({ keepAlive: true, maxSockets: 2_000, scheduling: "lifo" });
  return { agent, close: () => agent.destroy() };
};

const leave = (outgoing: ClientRequest, halfClose: boolean): void => {
  const { socket } = outgoing;
  if (socket === null || halfClose) outgoing.destroy();
  else socket.resetAndDestroy();
};

const NOT_ANSWERED: Answer = { status: 0, body: "", headers: {} };

const upload = async (outgoing: ClientRequest, { body = "", uploadPieces = 1 }: Asked): Promise<void> => {
  const size = Math.ceil(body.length / uploadPieces);
  for (let at = 0; at < body.length; at += size) {
    if (at > 0) await sleep(100);
    if (outgoing.destroyed) return;
    outgoing.write(body.slice(at, at + size));
  }
  outgoing.end();
};

const exchange = (
  options: { agent: Agent; hostname: string; port: string },
  asked: Asked,
  headers: Record<string, string>,
): Promise<Answer> =>
  new Promise((resolve) => {
    const { method = "GET", path, leaveAfterMs, halfClose = false, readAfterMs = 0 } = asked;
    const outgoing = httpRequest({ ...options, method, path, headers });
    const timer =
      leaveAfterMs === undefined ? undefined : setTimeout(() => leave(outgoing, halfClose), leaveAfterMs);
    const end = (answer: Answer): void => {
      clearTimeout(timer);
      resolve(answer);
    };
    let seen = NOT_ANSWERED;
    outgoing.on("error", () => end(seen));
    outgoing.on("response", (response) => {
      seen = { status: response.statusCode ?? 0, body: "", headers: response.headers };
      const read = async (): Promise<void> => {
        if (readAfterMs > 0) await sleep(readAfterMs);
        response.setEncoding("utf8");
        let body = "";
        for await (const chunk of response) body += String(chunk);
        end({ ...seen, body });
      };
      read().catch(() => end(seen));
    });
    void upload(outgoing, asked);
  });

/** What a page's own request says of itself. */
const fetchMetadata = (mode: string, dest: string, site = "same-origin"): Record<string, string> => ({
  "sec-fetch-mode": mode,
  "sec-fetch-dest": dest,
  "sec-fetch-site": site,
});

const HTML = { accept: "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8" };

export const makeBrowser = (options: {
  readonly edgeUrl: string;
  readonly connections: Connections;
  /** The address that the platform would see. */
  readonly address: string;
  readonly onRequest?: () => void;
}): Browser => {
  const { hostname, port, origin } = new URL(options.edgeUrl);
  const { agent } = options.connections;
  const jar = makeCookieJar();

  const send = async (asked: Asked): Promise<Answer> => {
    options.onRequest?.();
    const cookie = asked.withCookie === false ? undefined : jar.header();
    const answer = await exchange({ agent, hostname, port }, asked, {
      "cf-connecting-ip": options.address,
      ...(cookie === undefined ? {} : { cookie }),
      ...(asked.body === undefined ? {} : { "content-length": String(asked.body.length) }),
      ...asked.headers,
    });
    if (asked.withCookie !== false) jar.keep(answer.headers["set-cookie"] ?? [], Date.now());
    return answer;
  };
  const as =
    (headers: Record<string, string>, given: Partial<Asked> = {}) =>
    (path: string, more: Partial<Asked> = {}): Promise<Answer> =>
      send({
        path,
        ...given,
        ...more,
        headers: { "user-agent": FIREFOX, "accept-language": "en", ...headers, ...more.headers },
      });

  return {
    jar,
    send,
    open: as({ ...HTML, ...fetchMetadata("navigate", "document", "none") }),
    submit: as(
      {
        ...HTML,
        ...fetchMetadata("navigate", "document"),
        origin,
        "content-type": "application/x-www-form-urlencoded",
      },
      { method: "POST", body: "a=1" },
    ),
    call: as({ accept: "*/*", ...fetchMetadata("cors", "empty") }),
    load: as({ accept: "image/avif,image/webp,*/*", ...fetchMetadata("no-cors", "image") }),
  };
};
