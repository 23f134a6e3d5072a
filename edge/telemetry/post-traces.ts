// Posts one batch of spans to the origin.
import type { Config } from "../config.ts";
import { TRACES_TYPE } from "./span-writer.ts";

/** Resolves to the HTTP status. Without an origin nothing is sent. */
export const makePostTraces =
  ({ ORIGIN_URL, INGEST_TOKEN }: Pick<Config, "ORIGIN_URL" | "INGEST_TOKEN">) =>
  async (body: BufferSource): Promise<number> => {
    if (ORIGIN_URL === "") return 200;
    const response = await fetch(`${ORIGIN_URL}/v1/traces`, {
      method: "POST",
      headers: { "Content-Type": TRACES_TYPE, Authorization: `Bearer ${INGEST_TOKEN}` },
      body,
    });
    await response.body?.cancel();
    return response.status;
  };
