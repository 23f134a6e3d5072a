// Where the program's files are. A clone runs its sources; the package runs what `npm run build` made of them in `dist`,
// in the same folders. So a path that leads from one file to another is right in both.
import { fileURLToPath } from "node:url";

/** Whether this is the package, where console and Worker are built already. */
export const isBuilt = !import.meta.url.endsWith(".ts");

/** The folder that holds `origin`, `migrations` and `wrangler.toml`. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** A module's file from its path without an ending: threads and programs are started by their file. */
export const moduleUrl = (path: string, from: string): URL =>
  new URL(`${path}${isBuilt ? ".js" : ".ts"}`, from);
