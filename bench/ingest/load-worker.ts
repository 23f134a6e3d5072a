// The load in a thread of its own, for benches that time something else meanwhile. Ends at the first message.
import { parentPort, workerData } from "node:worker_threads";
import { runLoad } from "./load.ts";
import { makeRequests } from "./requests.ts";

export type BackgroundLoad = {
  url: string;
  token: string;
  features: string[];
  spansPerSecond: number;
  visitors: number;
};

const SPANS = 512;
const options: BackgroundLoad = workerData;
const { url, token, features, spansPerSecond, visitors } = options;
const enough = new AbortController();
parentPort?.once("message", () => enough.abort());

const requests = makeRequests({
  features,
  spans: SPANS,
  units: () => Math.floor((Math.random() * visitors) / 10),
});
// Requests are made when none is free. Of a slow load there is always one, and features that it does not name would get no spans.
const all = Array.from({ length: Math.ceil(features.length / SPANS) }, () => requests.take());
for (const one of all) requests.giveBack(one);

const result = await runLoad({
  url,
  token,
  requests,
  spansPerRequest: SPANS,
  seconds: 3_600,
  connections: 64,
  requestsPerSecond: spansPerSecond / SPANS,
  stop: enough.signal,
});
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
parentPort?.postMessage(result.acked / result.seconds);
parentPort?.close();
