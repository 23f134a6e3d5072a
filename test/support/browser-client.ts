// What a browser does with the origin, as far as signing in asks: it keeps cookies, and says from where a request comes.
type App = { readonly request: (path: string, init?: RequestInit) => Response | Promise<Response> };

export type BrowserClient = ReturnType<typeof makeBrowserClient>;

/** Cookies by the rules that matter here: one value a name, gone with Max-Age=0. */
export const makeBrowserClient = (app: App, origin: string) => {
  const jar = new Map<string, string>();
  const cookieHeader = (): string => [...jar].map(([name, value]) => `${name}=${value}`).join("; ");

  const send = async (
    path: string,
    init: { method?: string; body?: string; headers?: Record<string, string> } = {},
  ): Promise<Response> => {
    const changes = init.method !== undefined && init.method !== "GET";
    const answer = await app.request(path, {
      ...init,
      redirect: "manual",
      headers: {
        "sec-fetch-site": "same-origin",
        ...(changes ? { origin } : {}),
        ...(jar.size === 0 ? {} : { cookie: cookieHeader() }),
        ...init.headers,
      },
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (/;\s*max-age=0\b/i.test(line)) jar.delete(name);
      else jar.set(name, value);
    }
    return answer;
  };

  return {
    send,
    cookieHeader,
    get: (path: string, headers: Record<string, string> = {}) => send(path, { headers }),
    /** A form of one of the origin's own pages. */
    submit: (path: string, fields: Record<string, string>) =>
      send(path, {
        method: "POST",
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: new URLSearchParams(fields).toString(),
      }),
  };
};
