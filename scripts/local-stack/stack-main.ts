// A stack in a process of its own, started by stack-process.ts: it takes its options as a message, answers with one when
// everything runs, and stops in order when the channel closes, however the process at the other end has ended.
import { once } from "node:events";
import { endGroupWithUs } from "./end-group.ts";
import { readableLine } from "./log-line.ts";
import { startStack } from "./stack.ts";
import { StackProcessOptions, type StackProcessAnswer } from "./stack-process-messages.ts";

// The terminal may be gone by the time something is said.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

const answer = (message: StackProcessAnswer): void => {
  if (process.connected) process.send?.(message);
};

endGroupWithUs();

const closed = once(process, "disconnect");
const [options] = await once(process, "message");
try {
  const stack = await startStack({
    ...StackProcessOptions.parse(options),
    onLine: (line) => process.stdout.write(`${readableLine(line)}\n`),
  });
  // workerd's starter would end this process at once, and the edge before the origin that pushes to it.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.removeAllListeners(signal);
    process.once(signal, () => process.disconnect());
  }
  answer({
    state: "running",
    edgeUrl: stack.edge.url,
    originUrl: stack.origin.url,
    upstreamUrl: stack.upstreamUrl,
    hasShop: stack.shop !== null,
    secrets: stack.secrets,
  });
  await closed;
  await stack.stop();
  process.exit(0);
} catch (error) {
  answer({ state: "failed", reason: error instanceof Error ? error.message : String(error) });
  process.exitCode = 1;
  if (process.connected) process.disconnect();
}
