// An origin process whose database cannot be used.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const main = fileURLToPath(new URL("../../../origin/main.ts", import.meta.url));

test("a database that does not answer ends the origin with one line, which holds no password", async () => {
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env["PATH"],
      LOG_LEVEL: "warn",
      DATABASE_URL: "postgres://sluice:hunter2hunter2@127.0.0.1:1/x",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      output += chunk.toString();
    });
  const [code] = await once(child, "close");
  expect({ code, output }).toEqual({
    code: 1,
    output: "the database cannot be used: connect ECONNREFUSED 127.0.0.1:1\n",
  });
});
