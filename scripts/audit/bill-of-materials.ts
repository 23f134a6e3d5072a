// The bill of materials of what an installation gets, at the versions of the lock file: CycloneDX, by `npm sbom`. Its option
// --omit=dev leaves out what development needs as well (zod, wrangler), so that npm is shown a lock file without development.
import { execFileSync } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";

const Lock = z.looseObject({
  packages: z.record(z.string(), z.looseObject({ dev: z.boolean().optional() })),
});
const Bill = z.looseObject({
  bomFormat: z.literal("CycloneDX"),
  metadata: z.looseObject({ component: z.looseObject({ name: z.string(), version: z.string() }) }),
  components: z.array(z.looseObject({ name: z.string(), version: z.string() })),
});
export type Bill = z.infer<typeof Bill>;

const readJson = async (file: string): Promise<unknown> => JSON.parse(await readFile(file, "utf8"));

/** `root`: the folder of package.json and package-lock.json. */
export const makeBill = async (root: string): Promise<Bill> => {
  const own = z.looseObject({ name: z.string() }).parse(await readJson(join(root, "package.json")));
  const lock = Lock.parse(await readJson(join(root, "package-lock.json")));
  const packages = Object.entries(lock.packages)
    .filter(([, { dev }]) => dev !== true)
    .map(([path, entry]) => [path, { ...entry, devDependencies: undefined, devOptional: undefined }]);
  const folder = await mkdtemp(join(tmpdir(), "sluice-bill-"));
  try {
    const { devDependencies: _, ...installed } = own;
    await writeFile(join(folder, "package.json"), JSON.stringify(installed));
    const shown = { ...lock, packages: Object.fromEntries(packages) };
    await writeFile(join(folder, "package-lock.json"), JSON.stringify(shown));
    const words = ["sbom", "--sbom-format=cyclonedx", "--package-lock-only"];
    const printed = execFileSync("npm", words, { cwd: folder, encoding: "utf8", maxBuffer: 2 ** 26 });
    const bill = Bill.parse(JSON.parse(printed));
    // npm calls the whole by the name of its folder.
    const component = { ...bill.metadata.component, name: own.name };
    return { ...bill, metadata: { ...bill.metadata, component } };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
