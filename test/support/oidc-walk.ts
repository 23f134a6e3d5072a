// A person's browser at the provider: follows its redirects, fills in its login form and agrees to what it asks.
const MAX_STEPS = 20;

/** Cookies of one provider, so that a person stays signed in there. */
export type ProviderJar = Map<string, string>;

const hidden = (text: string, name: string): string | undefined =>
  new RegExp(`name="${name}" value="([^"]*)"`).exec(text)?.[1];

/** From the address that the origin sends a person to, to the address that the provider sends them back to. */
export const walkProvider = async (
  start: string,
  { login, until, jar = new Map() }: { login: string; until: string; jar?: ProviderJar },
): Promise<string> => {
  let url = start;
  let form: Record<string, string> | undefined;
  for (let step = 0; step < MAX_STEPS; step += 1) {
    if (url.startsWith(until)) return url;
    const answer: Response = await fetch(url, {
      method: form === undefined ? "GET" : "POST",
      redirect: "manual",
      headers: {
        cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; "),
        ...(form === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
      },
      body: form === undefined ? null : new URLSearchParams(form).toString(),
    });
    for (const line of answer.headers.getSetCookie()) {
      const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === "") jar.delete(name);
      else jar.set(name, value);
    }
    const text = await answer.text();
    const location = answer.headers.get("location");
    if (location !== null) {
      url = new URL(location, url).href;
      form = undefined;
      continue;
    }
    if (!answer.ok) throw new Error(`the provider answers ${answer.status}: ${text.slice(0, 500)}`);
    const prompt = hidden(text, "prompt");
    const action = /<form[^>]*action="([^"]*)"/.exec(text)?.[1];
    if (action === undefined) throw new Error(`a page without a form: ${text.slice(0, 500)}`);
    url = new URL(action.replaceAll("&amp;", "&"), url).href;
    if (prompt === "login") form = { prompt, login, password: "anything" };
    else if (prompt === "consent") form = { prompt };
    else {
      // The page that asks whether to sign out.
      const xsrf = hidden(text, "xsrf");
      if (xsrf === undefined) throw new Error(`a form that is not known: ${text.slice(0, 500)}`);
      form = { xsrf, logout: "yes" };
    }
  }
  throw new Error(`the provider did not lead back from ${start}`);
};
