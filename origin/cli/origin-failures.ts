// Why an origin cannot be asked, and what to do: nothing listens, the name or the certificate is wrong, or something else answers.
import { z } from "zod";

const codeOf = (error: unknown): string => {
  if (!(error instanceof Error)) return "";
  if (error.name === "TimeoutError" || error.name === "AbortError") return "TIMEOUT";
  const code: unknown = "code" in error ? error.code : undefined;
  if (typeof code === "string") return code;
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return codeOf(error.cause);
};

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER/;

/** One sentence and what to do. The error's own words follow as its cause. */
export const connectionFailure = (origin: string, error: unknown): string => {
  const code = codeOf(error);
  if (code === "TIMEOUT" || code === "UND_ERR_CONNECT_TIMEOUT" || code === "ETIMEDOUT")
    return `the origin at ${origin} does not answer in time. See whether it is overloaded, or a firewall stands before it`;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN")
    return `there is no host of the name in ${origin}. Name another with --origin or SLUICE_URL`;
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return `the certificate at ${origin} is of another host. Name the origin as its certificate does`;
  if (code === "CERT_HAS_EXPIRED") return `the certificate at ${origin} has expired. Renew it`;
  if (CERTIFICATE.test(code))
    return `the certificate at ${origin} is signed by nobody whom this machine knows. Name the file of the authority in NODE_EXTRA_CA_CERTS`;
  if (/^ERR_SSL|EPROTO/.test(code))
    return `what listens at ${origin} speaks no TLS. Use http:// if it is on this machine, or name another port`;
  return `no origin answers at ${origin}. Start it, or name another with --origin or SLUICE_URL`;
};

const Problem = z.looseObject({ title: z.string(), detail: z.string().optional() });

/** The problem's own words, and the document; of an answer that is none, its text. */
export const readProblem = async (
  response: Response,
): Promise<{ readonly text: string; readonly document: Readonly<Record<string, unknown>> }> => {
  const text = await response.text();
  try {
    const document = Problem.parse(JSON.parse(text));
    const { title, detail } = document;
    return { text: detail === undefined ? title : `${title}: ${detail}`, document };
  } catch {
    return { text: text.slice(0, 300).trim() || response.statusText, document: {} };
  }
};

/** What to say of an answer that is no origin's: a proxy's page, a redirect, a site. null: it may be an origin's. */
export const foreignAnswer = async (origin: string, response: Response): Promise<string | null> => {
  const { status, headers } = response;
  if (status >= 300 && status < 400 && status !== 304) {
    await response.body?.cancel();
    return `${origin} redirects to ${headers.get("location") ?? "another address"}. Set SLUICE_URL to the origin itself`;
  }
  if (!(headers.get("content-type") ?? "").startsWith("text/html")) return null;
  const title = /<title[^>]*>([^<]*)/i.exec(await response.text())?.[1]?.trim() ?? "";
  return (
    `${origin} answers ${status} with a web page${title === "" ? "" : ` (“${title.slice(0, 80)}”)`}, so it is no origin, or a proxy ` +
    "stands before it. SLUICE_URL must lead to the origin, past sign-in pages"
  );
};

export const waitText = ({ headers }: Response): string => {
  const seconds = headers.get("retry-after");
  return seconds === null ? "" : `; try again in ${seconds} s`;
};
