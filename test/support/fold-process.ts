// A program for tests: a process that folds and does nothing else. Its options come as JSON in the environment; SIGTERM stops it.
import { startFold } from "../../origin/aggregate/fold-thread.ts";
import { makeLogger } from "../../origin/runtime/log.ts";
import { makeMetrics } from "../../origin/runtime/metrics.ts";

const fold = startFold({
  ...JSON.parse(process.env["FOLD"] ?? ""),
  logger: makeLogger("silent"),
  metrics: makeMetrics(),
});
// The thread alone would keep nobody here: it says nothing while it waits.
const staying = setInterval(() => {}, 60_000);
process.once("SIGTERM", () => {
  clearInterval(staying);
  void fold.stop();
});
