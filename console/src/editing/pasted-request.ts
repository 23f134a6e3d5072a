// A request as people have it at hand: a curl command (browsers copy one), or its raw headers. Pure.

export type PastedRequest = {
  readonly method: string;
  /** null: the text names no path. */
  readonly path: string | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: Readonly<Record<string, string>>;
  /** As Cloudflare says it; null: the text does not tell. */
  readonly country: string | null;
};

/** The words of a command line: quotes keep what is between them together, and `$'…'` is how browsers write some. */
const wordsOf = (command: string): readonly string[] => {
  const words: string[] = [];
  const form = /\$?'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|((?:\\.|[^\s'"\\])+)|(\s+)/gs;
  let isOpen = false;
  for (const [, single, double, plain, space] of command.replaceAll(/\\\r?\n/g, " ").matchAll(form)) {
    if (space !== undefined) {
      isOpen = false;
      continue;
    }
    const text = single ?? (double ?? plain ?? "").replaceAll(/\\(.)/g, "$1");
    if (isOpen) words.push(`${words.pop() ?? ""}${text}`);
    else words.push(text);
    isOpen = true;
  }
  return words;
};

const pathOf = (url: string): string | null => {
  const parsed = URL.parse(url, "http://site.invalid");
  return parsed === null ? null : parsed.pathname;
};

const cookiesOf = (header: string): Record<string, string> =>
  Object.fromEntries(
    header.split(";").flatMap((pair) => {
      const at = pair.indexOf("=");
      return at < 1 ? [] : [[pair.slice(0, at).trim(), pair.slice(at + 1).trim()] as const];
    }),
  );

const requestOf = (
  method: string,
  path: string | null,
  lines: readonly string[],
  cookie: string,
): PastedRequest => {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const at = line.indexOf(":", 1);
    if (at > 0) headers.set(line.slice(0, at).trim().toLowerCase(), line.slice(at + 1).trim());
  }
  const cookies = cookiesOf([headers.get("cookie") ?? "", cookie].join(";"));
  const country = headers.get("cf-ipcountry")?.toUpperCase() ?? null;
  headers.delete("cookie");
  return { method, path, headers: Object.fromEntries(headers), cookies, country };
};

/** Options of curl that have a value, by what the value is to us. */
const OPTIONS: Readonly<Record<string, "header" | "cookie" | "agent" | "method" | "body" | "other">> = {
  "-H": "header",
  "--header": "header",
  "-b": "cookie",
  "--cookie": "cookie",
  "-A": "agent",
  "--user-agent": "agent",
  "-X": "method",
  "--request": "method",
  "-d": "body",
  "--data": "body",
  "--data-raw": "body",
  "--data-binary": "body",
  "-o": "other",
  "--output": "other",
  "-u": "other",
  "--user": "other",
  "-m": "other",
  "--max-time": "other",
};

const readCurl = (text: string): PastedRequest => {
  const lines: string[] = [];
  let cookie = "";
  let method: string | null = null;
  let hasBody = false;
  let path: string | null = null;
  const words = wordsOf(text).slice(1);
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    const kind = OPTIONS[word];
    if (kind === undefined) {
      if (!word.startsWith("-")) path ??= pathOf(word);
      continue;
    }
    const value = words[++at] ?? "";
    if (kind === "header") lines.push(value);
    else if (kind === "agent") lines.push(`user-agent: ${value}`);
    else if (kind === "cookie") cookie = value;
    else if (kind === "method") method = value.toUpperCase();
    else if (kind === "body") hasBody = true;
  }
  return requestOf(method ?? (hasBody ? "POST" : "GET"), path, lines, cookie);
};

/** `text`: a curl command, or the lines of a request's head. */
export const readPastedRequest = (text: string): PastedRequest => {
  const trimmed = text.trim();
  if (/^curl\s/.test(trimmed)) return readCurl(trimmed);
  const [first = "", ...rest] = trimmed.split(/\r?\n/);
  const [, method, target] = /^([A-Z]+)\s+(\S+)(?:\s+HTTP\/[\d.]+)?$/.exec(first) ?? [];
  return method === undefined || target === undefined
    ? requestOf("GET", null, [first, ...rest], "")
    : requestOf(method, pathOf(target), rest, "");
};
