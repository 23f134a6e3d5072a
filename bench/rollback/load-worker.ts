// Telemetry beside the measured rollbacks, in a thread of its own so that it does not delay their clock.
import { parentPort, workerData } from "node:worker_threads";
import { z } from "zod";
import { runLoad } from "../ingest/load.ts";
import { makeRequests } from "../ingest/requests.ts";

const Data = z.object({
  url: z.string(),
  token: z.string(),
  features: z.array(z.string()),
  spansPerSecond: z.number(),
});
const SPANS = 512;
const VISITORS = 200_000;
/** Until the bench ends it. */
const FOR_EVER_S = 3_600;

const { url, token, features, spansPerSecond } = Data.parse(workerData);
const stop = new AbortController();
parentPort?.once("message", () => stop.abort());
const requests = makeRequests({ features, spans: SPANS, units: () => Math.floor(Math.random() * VISITORS) });
const result = await runLoad({
  url,
  token,
  requests,
  spansPerRequest: SPANS,
  seconds: FOR_EVER_S,
  connections: 32,
  requestsPerSecond: spansPerSecond / SPANS,
  stop: stop.signal,
});
const answer = {
  spansPerSecond: Math.round(result.acked / result.seconds),
  acked: result.acked,
  refused: result.failed,
};
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
parentPort?.postMessage(answer);
