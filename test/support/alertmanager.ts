// A real Alertmanager that sends its alerts to one webhook.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../origin/db/free-port.ts";
import { programPath } from "../../scripts/system-programs.ts";
import { waitFor } from "./telemetry.ts";

/** One webhook that gets every alert at once, and again every second. */
const configOfWebhook = (url: string, secretFile: string): string => `
route: { receiver: sluice, group_wait: 0s, group_interval: 1s, repeat_interval: 1s }
receivers:
  - name: sluice
    webhook_configs:
      - url: ${url}
        http_config:
          authorization:
            credentials_file: ${secretFile}
`;

/** With a webhook, or with a configuration file of its own. */
export const startAlertmanager = async (given: { url: string; secret: string } | { config: string }) => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-alertmanager-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const secretFile = join(folder, "secret");
  if ("secret" in given) await writeFile(secretFile, given.secret);
  await writeFile(
    join(folder, "alertmanager.yml"),
    "config" in given ? given.config : configOfWebhook(given.url, secretFile),
  );
  const child = spawn(
    programPath("prometheus-alertmanager", "This test"),
    [
      `--config.file=${join(folder, "alertmanager.yml")}`,
      `--storage.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--cluster.listen-address=",
    ],
    { stdio: "ignore" },
  );
  await waitFor(
    () =>
      fetch(`${url}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    20_000,
  );
  return {
    address: `127.0.0.1:${port}`,
    /** As Prometheus tells it of alerts. `endsAt` in the past: the alert is over. */
    tell: async (alert: { labels: object; annotations?: object; startsAt?: string; endsAt?: string }) => {
      const answer = await fetch(`${url}/api/v2/alerts`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify([alert]),
      });
      if (!answer.ok) throw new Error(`Alertmanager answers ${answer.status}: ${await answer.text()}`);
    },
    stop: async () => {
      if (child.exitCode === null) {
        child.kill("SIGKILL");
        await once(child, "exit");
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
};
