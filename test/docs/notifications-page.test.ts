// docs/notifications.md names every event, and its receiver checks real signatures.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, test } from "vitest";
import { webhookHeaders } from "../../origin/notifications/messages/webhook-message.ts";
import { EVENTS } from "../../shared/notifications/events.ts";
import { readFile } from "./repository.ts";

const page = readFile("docs/notifications.md");

test("the page explains each event as the API's document does, and no other", () => {
  const rows = [...page.matchAll(/^\| `(\w+\.\w+)` +\| (.+?) +\|$/gm)].map(([, name, text]) => [name, text]);
  expect(rows).toEqual(Object.entries(EVENTS).map(([name, { meaning }]) => [name, meaning]));
});

test("the receiver of the page takes what Sluice signs, with either secret, and nothing else", async () => {
  const code = /^```js\n(.*?)^```$/ms.exec(page)?.[1] ?? "";
  const folder = await mkdtemp(join(tmpdir(), "sluice-receiver-"));
  try {
    const file = join(folder, "receiver.mjs");
    await writeFile(file, code);
    const { isGenuine } = (await import(pathToFileURL(file).href)) as {
      isGenuine: (secret: string, headers: object, body: string) => boolean;
    };
    const secretOf = (byte: number) => `whsec_${Buffer.alloc(32, byte).toString("base64")}`;
    const body = '{"type":"feature.rolledBack"}';
    const headersAt = (nowMs: number) =>
      webhookHeaders(
        {
          type: "webhook",
          url: "https://x.test",
          secret: secretOf(1),
          previous: { secret: secretOf(2), until: new Date(nowMs + 1) },
        },
        { id: "msg_1", body, nowMs },
      );
    const headers = headersAt(Date.now());
    expect([1, 2, 3].map((byte) => isGenuine(secretOf(byte), headers, body))).toEqual([true, true, false]);
    expect(isGenuine(secretOf(1), headers, `${body} `)).toBe(false);
    expect(isGenuine(secretOf(1), headersAt(Date.now() - 600_000), body)).toBe(false);
  } finally {
    await rm(folder, { recursive: true });
  }
});
