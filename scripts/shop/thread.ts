// The shop in a thread of its own, so that whoever else runs in the process (visitors, a supervisor) does not make its
// pages slow: their time is what the demo measures.
import { once } from "node:events";
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { z } from "zod";
import { startShop } from "./start.ts";

const Settings = z.object({ port: z.number(), controlToken: z.string() });

export type ShopThread = { readonly url: string; readonly stop: () => Promise<void> };

/** Rejects when the port is taken. */
export const startShopThread = async (settings: z.infer<typeof Settings>): Promise<ShopThread> => {
  const worker = new Worker(new URL(import.meta.url), { workerData: settings });
  const [url] = await once(worker, "message");
  return {
    url: z.url().parse(url),
    stop: async () => {
      const ended = once(worker, "exit");
      // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
      worker.postMessage("stop");
      await ended;
    },
  };
};

if (!isMainThread && parentPort !== null) {
  const shop = await startShop(Settings.parse(workerData));
  const port = parentPort;
  port.once("message", () => {
    void shop.stop().then(() => port.close());
  });
  port.postMessage(shop.url);
}
