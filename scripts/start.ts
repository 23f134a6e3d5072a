// `npm start`: the whole loop with nothing else installed, until Ctrl-C.
import { banner } from "./local-stack/banner.ts";
import { parseStackEnvironment } from "./local-stack/environment.ts";
import { makeSignInLink } from "./local-stack/sign-in-link.ts";
import { startStackProcess } from "./local-stack/stack-process.ts";

const environment = parseStackEnvironment(process.env);
if (!environment.ok) {
  for (const line of environment.error) console.error(line);
  process.exit(2);
}

const beganAt = performance.now();
console.log("Sluice is starting: PostgreSQL, the edge and the origin …");
const stack = startStackProcess(environment.value, 1);

let stopping = false;
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (stopping) return;
    stopping = true;
    console.log("Sluice is stopping …");
    void stack.stop().then(() => process.exit(0));
  });
}

const stopWhenNpmDies = (): void => {
  // Without npm a person may have put this process into the background of a shell that ends.
  if (process.env["npm_lifecycle_event"] === undefined) return;
  const npm = process.ppid;
  setInterval(() => {
    if (process.ppid !== npm) process.emit("SIGTERM");
  }, 500).unref();
};
stopWhenNpmDies();

try {
  const running = await stack.running;
  const seconds = (performance.now() - beganAt) / 1_000;
  const signInLink = await makeSignInLink({
    originUrl: running.originUrl,
    adminToken: running.secrets.adminToken,
  });
  if (!stopping) console.log(banner({ running, ...environment.value, seconds, signInLink }));
} catch (error) {
  if (!stopping) console.error(error instanceof Error ? error.message : error);
}
await stack.ended;
if (!stopping) process.exit(1);
