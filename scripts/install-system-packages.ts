// Before the tests: what they need from the system. As root on Debian it is installed, elsewhere it is named once.
import { execFileSync, spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

const NEEDED = [
  { program: "redis-server", package: "redis-server" },
  { program: "chromium", package: "chromium" },
  { program: "spin", package: "spin" },
  { program: "gcc", package: "gcc libc6-dev" },
];

const isInstalled = (program: string): boolean =>
  [...(process.env["PATH"] ?? "").split(delimiter), "/usr/bin", "/usr/sbin"].some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });

const missing = NEEDED.filter(({ program }) => !isInstalled(program)).map((need) => need.package);
if (missing.length > 0) {
  const command = `apt-get update && apt-get install -y --no-install-recommends ${missing.join(" ")}`;
  const canInstall = process.getuid?.() === 0 && spawnSync("apt-get", ["--version"]).status === 0;
  if (!canInstall) {
    console.error(`The tests need ${missing.join(", ")}. On Debian or Ubuntu: sudo sh -c '${command}'`);
    process.exit(1);
  }
  console.log(`installing ${missing.join(", ")} for the tests`);
  execFileSync("sh", ["-c", `${command} >/dev/null`], {
    stdio: "inherit",
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
  });
}
