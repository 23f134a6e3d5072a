// Sends one signed push to one edge and reads its answer.
import { createHmac } from "node:crypto";
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { z } from "zod";
import type { PushMessage } from "../../../shared/snapshot/push-message.ts";
import { Revision } from "../../../shared/ids.ts";
import type { KeyRing } from "../../../shared/signing/key-ring.ts";
import { formatSignature, signedText } from "../../../shared/signing/push-signature.ts";

export type RegionConfirmation = {
  readonly region: string;
  readonly revision: Revision;
  /** From the moment the hub took the push to the region's confirmation. */
  readonly ms: number;
};

export type PushAnswer =
  | {
      readonly kind: "confirmed";
      readonly revision: Revision;
      readonly regions: readonly RegionConfirmation[];
      readonly takesParts: boolean;
    }
  /** The edge has another revision than the message builds on, or a newer one. */
  | { readonly kind: "out-of-step"; readonly revision: Revision; readonly takesParts: boolean }
  /** The edge waits for the other parts of the message. */
  | { readonly kind: "incomplete" }
  /** The edge, or something before it, was reached and said no: sending again does not help by itself. */
  | { readonly kind: "refused"; readonly error: string }
  | { readonly kind: "failed"; readonly error: string };

const Confirmed = z.object({
  revision: Revision,
  regions: z.array(z.object({ region: z.string(), revision: Revision, ms: z.number() })),
  /** The edge knows of closes, and therefore of parts. */
  closed: z.boolean().default(false),
});
const OutOfStep = z.object({ revision: Revision.nullable(), closed: z.boolean().default(false) });

/** Longer than a hub waits for its regions, shorter than a person's patience. */
const TIMEOUT_MS = 5_000;

export type Send = (url: string, message: PushMessage) => Promise<PushAnswer>;

type Answered = { readonly status: number; readonly text: string };

/** node:http rather than fetch: some 0.4 ms less until the edge has the request. Follows no redirect. */
const makePost = () => {
  const plain = new HttpAgent({ keepAlive: true });
  const secure = new HttpsAgent({ keepAlive: true });
  return (url: URL, headers: Record<string, string>, body: string): Promise<Answered> =>
    new Promise((resolve, reject) => {
      const options = {
        method: "POST",
        headers: { ...headers, "content-length": Buffer.byteLength(body) },
        signal: AbortSignal.timeout(TIMEOUT_MS),
      };
      const onResponse = (response: IncomingMessage): void => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => {
          text += chunk;
        });
        response.on("end", () => resolve({ status: response.statusCode ?? 0, text }));
        response.on("error", reject);
      };
      const sent =
        url.protocol === "https:"
          ? httpsRequest(url, { ...options, agent: secure }, onResponse)
          : httpRequest(url, { ...options, agent: plain }, onResponse);
      sent.on("error", reject);
      sent.end(body);
    });
};

const answerOf = ({ status, text }: Answered): PushAnswer => {
  if (status === 200) {
    const { closed, ...confirmed } = Confirmed.parse(JSON.parse(text));
    return { kind: "confirmed", ...confirmed, takesParts: closed };
  }
  if (status === 202) return { kind: "incomplete" };
  if (status === 409) {
    const { revision, closed } = OutOfStep.parse(JSON.parse(text));
    return { kind: "out-of-step", revision: revision ?? Revision.parse(0), takesParts: closed };
  }
  const detail = detailOf(text);
  const error = `HTTP ${status}${detail === "" ? "" : `: ${detail}`}`;
  return { kind: status >= 400 && status < 500 && status !== 429 ? "refused" : "failed", error };
};

const DETAIL_LENGTH = 300;

/** The answer's own words: the detail of a problem document (RFC 9457), else the beginning of its text. */
const detailOf = (text: string): string => {
  const json = parseJson(text);
  const problem = Problem.safeParse(json);
  const words = problem.success ? problem.data.detail : json === null ? text.trim() : "";
  return words.slice(0, DETAIL_LENGTH);
};

const Problem = z.object({ detail: z.string() });

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
};

/** Signs with the first key. Never throws: a failure is an answer of kind "failed". */
export const makeSend = ({ keys, now }: { keys: KeyRing; now: () => number }): Send => {
  const post = makePost();
  return async (url, message) => {
    const [{ kid, secret }] = keys;
    const body = JSON.stringify(message);
    const timestamp = Math.floor(now() / 1000);
    const mac = createHmac("sha256", secret).update(signedText(timestamp, body)).digest("hex");
    const headers = {
      "content-type": "application/json",
      "sluice-signature": formatSignature({ timestamp, kid, mac }),
    };
    try {
      return answerOf(await post(new URL("/.sluice/push", url), headers, body));
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : "";
      return { kind: "failed", error: `${String(error)}${cause}` };
    }
  };
};
