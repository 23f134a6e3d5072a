// An origin process whose database cannot be used.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, inject, test } from "vitest";
import { connect } from "../../../origin/db/connect.ts";
import { connectFailure } from "../../../origin/db/connect-failure.ts";
import { errorText } from "../../../origin/runtime/error-text.ts";

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
    output: "the database cannot be used: DATABASE_URL (127.0.0.1:1): connect ECONNREFUSED 127.0.0.1:1\n",
  });
});

test.each([
  [
    "a wrong password",
    { password: "wrong" },
    /^DATABASE_URL \(127\.0\.0\.1:\d+\): password authentication failed/,
  ],
  [
    "a database that is not there",
    { pathname: "/nowhere" },
    /^DATABASE_URL \(127\.0\.0\.1:\d+\): database "nowhere"/,
  ],
])("%s is told with the variable and the host", async (_, change, text) => {
  const url = Object.assign(new URL(inject("postgresUrl")), change).href;
  const failure = await connect({ connectionString: url }).catch((error: unknown) =>
    connectFailure(error, url),
  );
  expect(errorText(failure)).toMatch(text);
});
