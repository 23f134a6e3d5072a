// A real Prometheus that scrapes origins every second.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { stringify } from "yaml";
import { freePort } from "../../origin/db/free-port.ts";
import { programPath } from "../../scripts/system-programs.ts";
import { waitFor } from "./telemetry.ts";

const Answer = z.object({
  data: z.object({
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
    ),
  }),
});

const ScalarAnswer = z.object({ data: z.object({ resultType: z.literal("scalar") }) });

/** `targets` and `alertmanager`: host and port. `rules`: a file. */
export const startPrometheus = async (options: {
  targets: readonly string[];
  rules: string;
  alertmanager: string;
}) => {
  const folder = await mkdtemp(join(tmpdir(), "sluice-prometheus-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  await writeFile(
    join(folder, "prometheus.yml"),
    stringify({
      global: { scrape_interval: "1s", evaluation_interval: "1s" },
      rule_files: [options.rules],
      alerting: { alertmanagers: [{ static_configs: [{ targets: [options.alertmanager] }] }] },
      scrape_configs: [{ job_name: "sluice", static_configs: [{ targets: options.targets }] }],
    }),
  );
  const child = spawn(
    programPath("prometheus", "This test"),
    [
      `--config.file=${join(folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(folder, "data")}`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    { stdio: "ignore" },
  );
  await waitFor(() =>
    fetch(`${url}/-/ready`).then(
      ({ ok }) => ok,
      () => false,
    ),
  );
  return {
    /** How many series the expression has now. Throws with Prometheus' own words when it is wrong. */
    count: async (expr: string): Promise<number> => {
      const answer = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: expr }).toString()}`);
      const text = await answer.text();
      if (!answer.ok) throw new Error(`${expr}: ${text}`);
      const body: unknown = JSON.parse(text);
      return ScalarAnswer.safeParse(body).success ? 1 : Answer.parse(body).data.result.length;
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
