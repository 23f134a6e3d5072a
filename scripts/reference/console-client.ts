// The console's client of the admin API as source text. The routes are made without anything behind them: only their
// document is looked at.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import generateSource from "oazapfts";
import { makeAdminApi } from "../../origin/admin/admin-api.ts";

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- nothing of it is looked at
const nothing: never = new Proxy(() => nothing, { get: () => nothing }) as never;

export const consoleClient = async (): Promise<string> => {
  const { document } = makeAdminApi(nothing);
  const folder = await mkdtemp(join(tmpdir(), "sluice-client-"));
  try {
    const file = join(folder, "openapi.json");
    await writeFile(file, JSON.stringify(document()));
    return await generateSource(file, { optimistic: true });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
