// The console's files, built by vite when they are not there yet.
import { join } from "node:path";
import { isBuilt, root } from "../../origin/runtime/place.ts";
import { builtOnce } from "./built-once.ts";

const sources = join(root, "console");

/** The folder that the console is built in. In the package it was built with everything else. */
export const buildConsole = async (): Promise<string> => {
  if (isBuilt) return join(sources, "dist");
  return builtOnce(
    "console",
    ["console/{index.html,vite.config.ts,src/**,public/**}", "shared/console-pages.ts"],
    async (outDir) => {
      const { build } = await import("vite");
      await build({
        configFile: join(sources, "vite.config.ts"),
        logLevel: "warn",
        build: { outDir, emptyOutDir: true },
      });
    },
  );
};
