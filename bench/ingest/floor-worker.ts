// The delay that the machine itself adds: every 20 ms, how late a timer fires and how long 8 KB take to the disk. In a
// thread of its own, beside the load. Ends at the first message.
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";

const EVERY_MS = 20;
const file: string = workerData;
const place = await open(file, "w");
const page = Buffer.alloc(8_192, 1);
const enough = new AbortController();
parentPort?.once("message", () => enough.abort());

/** ms that a wait of 20 ms and a durable write took beyond the 20 */
const took: number[] = [];
while (!enough.signal.aborted) {
  const beganAt = performance.now();
  await sleep(EVERY_MS);
  await place.write(page, 0, page.length, 0);
  await place.datasync();
  took.push(performance.now() - beganAt - EVERY_MS);
}
await place.close();
// oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread's port, not a window
parentPort?.postMessage(took.toSorted((a, b) => a - b));
parentPort?.close();
