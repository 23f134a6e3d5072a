// `npm start`: the whole loop with nothing else installed, until Ctrl-C.
import { parseStackEnvironment } from "./local-stack/environment.ts";
import { startStack } from "./local-stack/stack.ts";

const environment = parseStackEnvironment(process.env);
if (!environment.ok) {
  for (const line of environment.error) console.error(line);
  process.exit(2);
}
const { ports, dataDir, originEnv, edgeVars } = environment.value;

const began = performance.now();
const stack = await startStack({
  dataDir,
  ports,
  originEnv,
  edgeVars,
  onLine: (line) => process.stdout.write(`${line}\n`),
}).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
});

const seconds = ((performance.now() - began) / 1_000).toFixed(1);
console.log(`
  Sluice is running (started in ${seconds} s, data in ${dataDir})

    Site through the edge   ${stack.edge.url}
    Origin and admin API    ${stack.origin.url}
    Site without the edge   ${edgeVars["UPSTREAM_URL"] ?? stack.shop.url}
${
  stack.fresh && originEnv["ADMIN_TOKEN"] === undefined
    ? `
    Admin token (shown once, kept in ${dataDir}/secrets.json)
    ${stack.secrets.adminToken}
`
    : ""
}
  Try \`npm run demo\` in a second terminal. Ctrl-C stops everything.
`);

let stopping = false;
const stop = (): void => {
  if (stopping) return;
  stopping = true;
  console.log("stopping …");
  stack.stop().then(
    () => process.exit(0),
    (error: unknown) => {
      console.error(error);
      process.exit(1);
    },
  );
};
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  // workerd's starter would end this process at once; here the origin goes first, then the edge, then the shop.
  process.removeAllListeners(signal);
  process.on(signal, stop);
}
