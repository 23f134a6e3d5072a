// Before `npm test`: the programs that the tests need from the system.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { programs, provide } from "./system-programs.ts";

// A process of its own: apt-get holds this one up meanwhile.
const fetching = spawn(process.execPath, [fileURLToPath(new URL("fetch-newer-nats.ts", import.meta.url))], {
  stdio: ["ignore", "inherit", "pipe"],
});
const fetched = Promise.all([text(fetching.stderr), once(fetching, "exit")]);
provide(programs, "npm test");
const [said] = await fetched;
process.stderr.write(said);
