// The manifests of deploy/kubernetes as kubectl renders them.
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { programPath } from "../../scripts/system-programs.ts";

const manifests = fileURLToPath(new URL("../../deploy/kubernetes", import.meta.url));
const Manifest = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string(), namespace: z.string().optional() }),
});
export type Manifest = z.infer<typeof Manifest>;

export const renderManifests = (folder: string): Manifest[] => {
  const text = execFileSync(programPath("kubectl", "npm test"), ["kustomize", join(manifests, folder)], {
    encoding: "utf8",
  });
  return z.array(Manifest).parse(parseAllDocuments(text).map((document) => document.toJS() as unknown));
};
