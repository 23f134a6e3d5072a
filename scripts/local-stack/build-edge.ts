// The Worker's bundle for this machine, made by wrangler when it is not there yet.
import { join } from "node:path";
import { isBuilt, root } from "../../origin/runtime/place.ts";
import { builtOnce } from "./built-once.ts";
import { bundleEdge } from "./edge-server.ts";

/** Globs of all that the bundle is made of, beside packages. */
export const EDGE_SOURCES = ["{edge,shared}/**", "package.json", "wrangler.toml", "tsconfig*.json"];

/** The folder with the bundle, which many edges may run. In the package it was made with everything else. */
export const buildEdge = async (): Promise<string> =>
  isBuilt ? join(root, "edge", "bundle") : builtOnce("edge", EDGE_SOURCES, (folder) => bundleEdge(folder));
