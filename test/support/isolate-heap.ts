// What an isolate of workerd holds, asked through its inspector (https://chromedevtools.github.io/devtools-protocol/).

import { z } from "zod";

/** MB after a collection of garbage. */
export type Held = { readonly heapMb: number; readonly outsideMb: number };

const Targets = z.array(z.object({ id: z.string(), webSocketDebuggerUrl: z.string() }));
type Usage = { usedSize: number; embedderHeapUsedSize: number; backingStorageSize: number };

/** `service`: the isolate's name in workerd's configuration. */
export const heldBy = async (inspectorPort: number, service: string): Promise<Held> => {
  const targets = Targets.parse(await (await fetch(`http://127.0.0.1:${inspectorPort}/json`)).json());
  const target = targets.find(({ id }) => id.endsWith(service));
  if (target === undefined) throw new Error(`no isolate ${service}: ${JSON.stringify(targets)}`);
  const socket = new WebSocket(target.webSocketDebuggerUrl);
  await new Promise((resolve, reject) => {
    socket.addEventListener("open", resolve);
    socket.addEventListener("error", reject);
  });
  const ask = <T>(id: number, method: string): Promise<T> =>
    new Promise((resolve) => {
      socket.addEventListener("message", ({ data }) => {
        const answer: { id?: number; result: T } = JSON.parse(String(data));
        if (answer.id === id) resolve(answer.result);
      });
      socket.send(JSON.stringify({ id, method }));
    });
  try {
    await ask(1, "HeapProfiler.collectGarbage");
    const usage = await ask<Usage>(2, "Runtime.getHeapUsage");
    const mb = (bytes: number): number => Math.round(bytes / 104_857.6) / 10;
    return {
      heapMb: mb(usage.usedSize),
      outsideMb: mb((usage.embedderHeapUsedSize ?? 0) + (usage.backingStorageSize ?? 0)),
    };
  } finally {
    socket.close();
  }
};
