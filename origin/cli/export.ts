// `sluice export`: a configuration file from what there is, or what there is merged into a file.
import { rename, writeFile } from "node:fs/promises";
import { defineCommand } from "citty";
import { z } from "zod";
import { askFor, originArgument } from "./ask-origin.ts";
import { mergeIntoFile, writeConfig, type Exported } from "./config/write-config.ts";
import { readConfigFiles } from "./config/read-files.ts";
import { UsageError } from "./errors.ts";
import { jsonArgument, printJson, say } from "./print.ts";

const Export = z.object({
  /** An older origin has none. */
  segments: z
    .array(
      z.object({
        segmentId: z.string(),
        source: z.string().nullable(),
        config: z.record(z.string(), z.unknown()),
      }),
    )
    .default([]),
  features: z.array(
    z.object({
      featureId: z.string(),
      source: z.string().nullable(),
      rolledBack: z
        .object({ since: z.string(), reason: z.string().nullable(), epoch: z.number() })
        .nullable(),
      config: z.record(z.string(), z.unknown()),
    }),
  ),
});

const read = async (
  origin: string | undefined,
  { source, tag }: { source?: string | undefined; tag?: string | undefined },
): Promise<z.infer<typeof Export>> => {
  const query = new URLSearchParams({
    ...(source === undefined ? {} : { source }),
    ...(tag === undefined ? {} : { tag }),
  });
  return askFor(origin, { path: `/export?${query.toString()}` }, Export);
};

/** The source that all of them have; undefined: they have several or none. */
const commonSource = (features: readonly Pick<Exported, "source">[]): string | undefined => {
  const sources = [...new Set(features.map(({ source }) => source))];
  return sources.length === 1 ? (sources[0] ?? undefined) : undefined;
};

export const exportCommand = defineCommand({
  meta: { name: "export", description: "Write features and segments as a configuration file" },
  args: {
    source: { type: "string", description: "only what this source owns; else all" },
    tag: { type: "string", description: "only features with this tag, and segments that they alone use" },
    merge: {
      type: "string",
      valueHint: "FILE",
      description: "bring what this file names up to date in it; comments and order stay",
    },
    json: jsonArgument,
    origin: originArgument,
  },
  run: async ({ args }) => {
    const { features, segments } = await read(args.origin, args);
    if (args.merge === undefined) {
      const source = args.source ?? commonSource([...segments, ...features]) ?? "shop";
      if (args.json)
        printJson({
          source,
          ...(segments.length === 0
            ? {}
            : { segments: Object.fromEntries(segments.map((one) => [one.segmentId, one.config])) }),
          features: Object.fromEntries(features.map((one) => [one.featureId, one.config])),
        });
      else process.stdout.write(writeConfig(source, features, segments));
      return;
    }
    const [file, ...others] = await readConfigFiles(args.merge);
    if (file === undefined || others.length > 0) throw new UsageError("--merge takes one file");
    const merged = mergeIntoFile(file.text, features, segments);
    if (!merged.ok) throw new Error(`${file.path}:${merged.error}`);
    const { text, changed } = merged.value;
    if (text !== file.text) {
      const written = `${args.merge}.${process.pid}.tmp`;
      await writeFile(written, text);
      await rename(written, args.merge);
    }
    if (args.json) printJson({ file: file.path, changed });
    else if (changed.length === 0) say(`${file.path} is as the features are`);
    else say(`${file.path}: ${changed.join(", ")} brought up to date`);
  },
});
