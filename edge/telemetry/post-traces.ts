// Posts one batch of spans to the origin.
import type { Config } from "../config.ts";
import { readPartialSuccess, type PartialSuccess } from "./partial-success.ts";
import { TRACES_TYPE } from "./span-writer.ts";

/** `rejected`: spans of a batch that was taken (2xx) which will never be counted. */
export type PostAnswer = PartialSuccess & { readonly status: number };

export type Post = (body: BufferSource) => Promise<PostAnswer>;

export const answerOf = (status: number): PostAnswer => ({ status, rejected: 0, reason: "" });

export const isTaken = (status: number): boolean => status >= 200 && status < 300;

/** The origin will never accept it. */
export const isRefused = (status: number): boolean =>
  status >= 400 && status < 500 && status !== 408 && status !== 429;

/** Without an origin nothing is sent. */
export const makePostTraces =
  ({ ORIGIN_URL, INGEST_TOKEN }: Pick<Config, "ORIGIN_URL" | "INGEST_TOKEN">): Post =>
  async (body) => {
    if (ORIGIN_URL === "") return answerOf(200);
    const response = await fetch(`${ORIGIN_URL}/v1/traces`, {
      method: "POST",
      headers: { "Content-Type": TRACES_TYPE, Authorization: `Bearer ${INGEST_TOKEN}` },
      body,
    });
    const { status } = response;
    if (response.ok) return { status, ...readPartialSuccess(await response.bytes()) };
    await response.body?.cancel();
    return answerOf(status);
  };
