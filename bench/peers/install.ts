// Installs what the benches compare with, from bench/package.json, unless it is there.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("..", import.meta.url));

/** false when npm cannot get them: the bench then says so and measures Sluice alone. */
export const installPeers = (): boolean => {
  if (existsSync(`${folder}node_modules/@growthbook`)) return true;
  const { status } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], { cwd: folder, stdio: "ignore" });
  return status === 0;
};
