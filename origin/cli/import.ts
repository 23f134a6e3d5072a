// `sluice import unleash|growthbook|flagd FILE`: what becomes of another system's features, item by item, before anything is
// written; then a configuration file of them, or the plan and its apply.
import { writeFile } from "node:fs/promises";
import { stripVTControlCharacters } from "node:util";
import { defineCommand } from "citty";
import { attributesOf } from "../../shared/features/targeting.ts";
import type { Result } from "../../shared/result.ts";
import { importFlagd } from "../import/flagd.ts";
import { importGrowthBook } from "../import/growthbook.ts";
import type { Imported, Note } from "../import/imported.ts";
import { importUnleash } from "../import/unleash.ts";
import { originArgument } from "./ask-origin.ts";
import { applyFiles } from "./config-files.ts";
import { readConfig } from "./config/read-config.ts";
import { readConfigFiles } from "./config/read-files.ts";
import { writeConfig } from "./config/write-config.ts";
import { parseYaml } from "./config/yaml-value.ts";
import { UsageError } from "./errors.ts";
import { jsonArgument, printJson, printLine, say } from "./print.ts";

type Options = {
  readonly names: Readonly<Record<string, string>>;
  readonly environment: string | undefined;
};
type Importer = (json: unknown, options: Options) => Result<Imported[], string>;

const readJson = async (path: string): Promise<unknown> => {
  const [file, more] = await readConfigFiles(path);
  if (file === undefined || more !== undefined) throw new UsageError(`${path} must be one file`);
  const { documents, errors } = parseYaml(file.text);
  const [error] = errors;
  if (error !== undefined)
    throw new UsageError(`${path}:${error.place.line}:${error.place.column}: ${error.message}`);
  const [document, another] = documents;
  if (document === undefined || another !== undefined) throw new UsageError(`${path} must have one document`);
  return document.value;
};

const ATTRIBUTE = /^(?:country|path|device|(?:header|cookie|claim):[\u0021-\u007e]{1,128})$/;

/** `userId=header:X-User,plan=cookie:plan` */
const namesIn = (text: string | undefined): Readonly<Record<string, string>> =>
  Object.fromEntries(
    (text ?? "")
      .split(",")
      .filter((one) => one.trim() !== "")
      .map((one) => {
        const at = one.indexOf("=");
        const [name, attribute] = [one.slice(0, at).trim(), one.slice(at + 1).trim()];
        if (at < 1 || !ATTRIBUTE.test(attribute))
          throw new UsageError(
            "--attributes must be pairs such as userId=header:X-User,plan=claim:plan, with country, path, device, header:NAME, cookie:NAME or claim:NAME",
          );
        return [name, attribute];
      }),
  );

const OUTCOMES = ["dropped", "changed", "kept"] as const;
/** The file is another's: nothing of it may move the cursor. */
const plain = (text: string): string => stripVTControlCharacters(text).replaceAll(/[^\P{C}]/gu, "");

const noteLine = ({ outcome, part, text }: Note): string =>
  `    ${outcome.padEnd(7)}  ${part}: ${plain(text)}`;

const featureText = ({ featureId, fields, notes }: Imported): string =>
  [
    fields === null ? `${featureId}  (not imported)` : featureId,
    ...OUTCOMES.flatMap((outcome) => notes.filter((note) => note.outcome === outcome)).map(noteLine),
  ].join("\n");

const summaryText = (imported: readonly Imported[]): string => {
  const taken = imported.filter(({ fields }) => fields !== null);
  const whole = taken.filter(({ notes }) => notes.every(({ outcome }) => outcome !== "dropped"));
  return `${imported.length} features: ${whole.length} whole, ${taken.length - whole.length} with something dropped, ${imported.length - taken.length} not imported. All are closed.`;
};

const attributesText = (imported: readonly Imported[]): string => {
  const read = imported.flatMap(({ fields }) => (fields?.targeting ? attributesOf(fields.targeting) : []));
  const names = [...new Set(read)].filter((name) => name !== "path").toSorted();
  return names.length === 0
    ? ""
    : ` Their targeting reads ${names.join(", ")}; --attributes names other places.`;
};

const configOf = (source: string, imported: readonly Imported[]): string =>
  writeConfig(
    source,
    imported.flatMap(({ featureId, fields }) => {
      if (fields === null) return [];
      const { targeting, unit, ...rest } = fields;
      const config = {
        ...rest,
        ...(unit === "visitor" ? {} : { unit }),
        ...(targeting === null ? {} : { targeting }),
      };
      return [{ featureId, source, rolledBack: null, config }];
    }),
  );

const writeNew = async (path: string, text: string): Promise<void> => {
  try {
    await writeFile(path, text, { flag: "wx" });
  } catch (cause) {
    if (cause instanceof Error && "code" in cause && cause.code === "EEXIST")
      throw new UsageError(`${path} exists already, and nothing was written`);
    throw cause;
  }
};

const commandFor = (system: {
  name: string;
  title: string;
  of: string;
  hasEnvironments: boolean;
  importer: Importer;
}) =>
  defineCommand({
    meta: { name: system.name, description: `Import features of ${system.title} from ${system.of}` },
    args: {
      file: { type: "positional", required: true, description: `${system.of}, as JSON or YAML` },
      write: { type: "string", valueHint: "PATH", description: "write a new configuration file" },
      apply: { type: "boolean", default: false, description: "plan the features and apply the plan" },
      yes: { type: "boolean", default: false, description: "with --apply: do not ask" },
      attributes: {
        type: "string",
        valueHint: "PAIRS",
        description: "where attributes are read, such as userId=header:X-User,plan=claim:plan",
      },
      environment: { type: "string", description: "of several in the file, the one to import" },
      source: {
        type: "string",
        default: `import-${system.name}`,
        description: "names the set of files that owns the features",
      },
      json: jsonArgument,
      origin: originArgument,
    },
    run: async ({ args }) => {
      if (args.write !== undefined && args.apply)
        throw new UsageError("say --write or --apply, and not both");
      if (args.environment !== undefined && !system.hasEnvironments)
        throw new UsageError(`files of ${system.title} have no environments`);
      const options = { names: namesIn(args.attributes), environment: args.environment };
      const imported = system.importer(await readJson(args.file), options);
      if (!imported.ok) throw new UsageError(`${args.file}: ${plain(imported.error)}`);
      const text = configOf(args.source, imported.value);
      const read = readConfig([{ path: args.write ?? args.file, text }]);
      const [error] = read.errors;
      if (error !== undefined) throw new UsageError(`${error.field}: ${error.message}`);

      if (args.json && !args.apply) printJson(imported.value);
      if (!args.json) {
        for (const one of imported.value) printLine(`${featureText(one)}\n`);
        printLine(`${summaryText(imported.value)}${attributesText(imported.value)}`);
      }
      if (args.write !== undefined) {
        await writeNew(args.write, text);
        say(`${args.write} is written. \`npx sluice plan -f ${args.write}\` shows what it would change.`);
      } else if (args.apply) {
        if (read.content === null) throw new Error("the features are no configuration");
        const files = { ...read, content: read.content, files: 1 };
        const applied = await applyFiles(files, {
          origin: args.origin,
          json: args.json,
          yes: args.yes,
          reason: `imported from ${system.title}`,
          // Features of an earlier import that are not in this file stay.
          releaseRemoved: true,
          takeOver: false,
        });
        if (args.json) printJson({ imported: imported.value, ...applied });
      } else
        say("Nothing was written. --write PATH makes a configuration file of them, --apply applies them.");
    },
  });

export const importCommand = defineCommand({
  meta: { name: "import", description: "Take over features of another system" },
  subCommands: {
    unleash: commandFor({
      name: "unleash",
      title: "Unleash",
      of: "an export, or the client API's answer",
      hasEnvironments: true,
      importer: importUnleash,
    }),
    growthbook: commandFor({
      name: "growthbook",
      title: "GrowthBook",
      of: "an SDK payload, or the REST API's list",
      hasEnvironments: true,
      importer: importGrowthBook,
    }),
    flagd: commandFor({
      name: "flagd",
      title: "flagd",
      of: "a flag definition file",
      hasEnvironments: false,
      importer: importFlagd,
    }),
  },
});
