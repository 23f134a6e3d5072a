// `npm run build`: makes `dist`, which the package runs. Its folders are those of the sources, so that paths between files
// stay right; console and Worker are built by the code that `npm start` builds them with.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { root } from "../origin/runtime/place.ts";
import { makeBill } from "./audit/bill-of-materials.ts";
import { buildConsole } from "./local-stack/build-console.ts";
import { bundleEdge } from "./local-stack/edge-server.ts";

const dist = join(root, "dist");
const { resolve } = createRequire(import.meta.url);

/** Node and browsers get JavaScript; types were checked by `npm run check`. */
const compile = async (): Promise<void> => {
  const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
  const child = spawn(process.execPath, [tsc, "--project", join(root, "tsconfig.build.json")], {
    stdio: "inherit",
  });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error("tsc could not compile the sources");
};

const bundleWorker = async (): Promise<void> => {
  await bundleEdge(join(dist, "edge", "bundle"));
  const config = await readFile(join(root, "wrangler.toml"), "utf8");
  const main = 'main = "edge/worker.ts"';
  if (!config.includes(main)) throw new Error(`wrangler.toml does not have the line ${main}`);
  await writeFile(join(dist, "wrangler.toml"), config.replace(main, 'main = "edge/bundle/worker.js"'));
};

const copyConsole = async (): Promise<void> =>
  cp(await buildConsole(), join(dist, "console", "dist"), { recursive: true });

/** What a program reads beside its code. */
const copyFiles = async (): Promise<void> => {
  const swagger = dirname(resolve("swagger-ui-dist/package.json"));
  const page = join(dist, "origin", "admin", "swagger-ui");
  await cp(join(root, "migrations"), join(dist, "migrations"), { recursive: true });
  await cp(join(root, "scripts", "shop", "shop.css"), join(dist, "scripts", "shop", "shop.css"));
  for (const file of ["swagger-ui.css", "swagger-ui-bundle.js", "LICENSE", "NOTICE"])
    await cp(join(swagger, file), join(page, file));
};

const writeBill = async (): Promise<void> =>
  writeFile(join(dist, "sbom.cdx.json"), `${JSON.stringify(await makeBill(root))}\n`);

await rm(dist, { recursive: true, force: true });
await mkdir(dist);
await Promise.all([compile(), bundleWorker(), copyConsole(), copyFiles(), writeBill()]);
