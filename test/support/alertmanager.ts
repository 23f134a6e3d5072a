// A real Alertmanager that sends its alerts to one webhook.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../origin/db/free-port.ts";
import { programPath } from "../../scripts/system-programs.ts";
import { waitFor } from "./telemetry.ts";

export const startAlertmanager = async (webhook: { url: string; secret: string }) => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-alertmanager-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  await writeFile(join(folder, "secret"), webhook.secret);
  await writeFile(
    join(folder, "alertmanager.yml"),
    `
route: { receiver: sluice, group_wait: 0s, group_interval: 1s, repeat_interval: 1s }
receivers:
  - name: sluice
    webhook_configs:
      - url: ${webhook.url}
        http_config:
          authorization:
            credentials_file: ${join(folder, "secret")}
`,
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
