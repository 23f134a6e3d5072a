// `npm run demo`: a good and a bad feature before simulated visitors. Exit 0 only if the bad one was rolled back at the
// edge and the good one kept. Whatever happens, it closes its features before it ends.
import { makeAdminClient } from "./demo/admin-client.ts";
import { bad, good } from "./demo/features.ts";
import { findLoop, type Loop } from "./demo/loop.ts";
import { tellStory } from "./demo/story.ts";
import { parseStackEnvironment } from "./local-stack/environment.ts";

const beganAt = performance.now();
const say = (line: string): void => {
  console.log(`${((performance.now() - beganAt) / 1_000).toFixed(1).padStart(5)} s  ${line}`);
};

const environment = parseStackEnvironment(process.env);
if (!environment.ok) {
  for (const line of environment.error) console.error(line);
  process.exit(2);
}

const INTERRUPTED_EXIT = 130;
/** One Ctrl-C arrives twice, from the terminal and from npm. */
const ONE_CTRL_C_MS = 1_000;
const interrupted = new AbortController();
let interruptedAtMs = 0;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    const nowMs = performance.now();
    if (!interrupted.signal.aborted) {
      interruptedAtMs = nowMs;
      say("interrupted: the demo cleans up");
      interrupted.abort();
    } else if (nowMs - interruptedAtMs > ONE_CTRL_C_MS) {
      console.error("ended at once: features of the demo may still be open");
      process.exit(INTERRUPTED_EXIT);
    }
  });
}
const { signal } = interrupted;

const setRecommendations = async (loop: Loop, recommendations: Readonly<Record<string, unknown>>) => {
  const response = await fetch(`${loop.shopUrl}/control`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${loop.adminToken}` },
    body: JSON.stringify({ recommendations }),
  });
  if (!response.ok) throw new Error(`the shop's control answered ${response.status}`);
};

const play = async (loop: Loop): Promise<string | null> => {
  const admin = makeAdminClient(loop.originUrl, loop.adminToken);
  try {
    await setRecommendations(loop, { delayMs: 2_000, useful: false });
    return await tellStory({ loop, admin, say, signal });
  } finally {
    await setRecommendations(loop, { delayMs: 0, useful: true });
    const closed = await Promise.all([bad, good].map(({ featureId }) => admin.close(featureId)));
    if (closed.includes(true)) say("the demo is over: its features are closed");
  }
};

try {
  const loop = await findLoop(environment.value, { say, signal });
  let failure: string | null;
  try {
    say(`edge ${loop.edgeUrl}, origin ${loop.originUrl}, shop ${loop.shopUrl}`);
    failure = await play(loop);
  } finally {
    await loop.stop();
  }
  say(failure === null ? "the failing feature closed itself, the good one was kept" : `FAILED: ${failure}`);
  process.exitCode = failure === null ? 0 : 1;
} catch (error) {
  if (signal.aborted) process.exit(INTERRUPTED_EXIT);
  say(`FAILED: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
// A connection that a client keeps alive would hold the process for some seconds.
process.exit();
