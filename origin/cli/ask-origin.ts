// Asks a running origin over its admin API, for commands that have no database of their own to read.
import { z } from "zod";
import { UsageError } from "./errors.ts";

const Problem = z.looseObject({ title: z.string(), detail: z.string().optional() });

const refusalText = async (response: Response): Promise<string> => {
  const text = await response.text();
  try {
    const { title, detail } = Problem.parse(JSON.parse(text));
    return detail === undefined ? title : `${title}: ${detail}`;
  } catch {
    return text;
  }
};

/** Throws, with what to do, when the origin is away, refuses the token or answers with a problem. */
export const askOrigin = async (
  originUrl: string,
  path: string,
  accept: "application/json" | "text/plain",
): Promise<Response> => {
  if (!URL.canParse(originUrl)) throw new UsageError("--origin must be a URL");
  const url = new URL(path, originUrl);
  const token = process.env["ADMIN_TOKEN"] ?? "";
  const headers = { authorization: `Bearer ${token}`, accept };
  let response: Response;
  try {
    response = await fetch(url, { headers });
  } catch (error) {
    const what =
      `no origin answers at ${url.origin}. Start it, name another with --origin, or set DATABASE_URL to read the ` +
      "database itself";
    throw new Error(what, { cause: error });
  }
  if (response.ok) return response;
  if (response.status === 401)
    throw new UsageError(
      token === ""
        ? "set ADMIN_TOKEN to the admin token; npm start shows it"
        : `the origin at ${url.origin} does not know the token in ADMIN_TOKEN`,
    );
  throw new Error(`the origin at ${url.origin} answers ${response.status}: ${await refusalText(response)}`);
};
