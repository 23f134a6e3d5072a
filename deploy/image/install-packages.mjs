// Runs in the image's first stage: installs what the origin needs, at the lock's versions, and writes down what that is.
// The Worker and the embedded PostgreSQL are left out, with all that runs them.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";

const NPM = "/usr/local/lib/node_modules/npm/bin/npm-cli.js";
const npm = (...args) =>
  execFileSync(process.execPath, [NPM, ...args], {
    maxBuffer: 2 ** 26,
    stdio: ["ignore", "pipe", "inherit"],
  });

const {
  devDependencies: _,
  optionalDependencies: __,
  ...origin
} = JSON.parse(readFileSync("package.json", "utf8"));
for (const name of ["wrangler", "miniflare"]) delete origin.dependencies[name];
writeFileSync("package.json", `${JSON.stringify(origin, null, 2)}\n`);
npm("install", "--ignore-scripts", "--no-audit", "--no-fund");
// npm calls the whole by the name of its folder.
const bill = JSON.parse(npm("sbom", "--sbom-format=cyclonedx"));
bill.metadata.component.name = origin.name;
writeFileSync("sbom.cdx.json", JSON.stringify(bill));
// The package's own bill has what the image leaves out.
rmSync("dist/sbom.cdx.json");
rmSync("install-packages.mjs");
