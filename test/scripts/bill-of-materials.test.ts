import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import packageJson from "../../package.json" with { type: "json" };
import { makeBill } from "../../scripts/audit/bill-of-materials.ts";
import { root } from "../docs/repository.ts";

test("the package's bill of materials has all that an installation gets, at the versions of the lock file, and nothing else", async () => {
  const { metadata, components } = await makeBill(root);
  expect(metadata.component).toMatchObject({ name: "sluice", version: packageJson.version });
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, { version: string; dev?: boolean; name?: string }>;
  };
  const installed = Object.entries(packages)
    .filter(([path, { dev }]) => path !== "" && dev !== true)
    .map(([path, { name, version }]) => `${name ?? path.replace(/^.*node_modules\//, "")}@${version}`);
  const named = components.map(({ name, version }) => `${name}@${version}`);
  expect(installed.length).toBeGreaterThan(150);
  expect([...new Set(named)].toSorted()).toEqual([...new Set(installed)].toSorted());
  for (const [name, version] of Object.entries(packageJson.dependencies))
    expect(named).toContain(`${name}@${version}`);
});
