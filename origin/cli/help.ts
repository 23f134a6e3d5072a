// What `npx sluice COMMAND --help` shows: usage, arguments, options, examples, exit codes.
import { examples } from "./examples.ts";
import type { Argument, CommandNode } from "./command-tree.ts";
import { lineWidth, strong, wrapText } from "./print.ts";

const INDENT = 2;

const isOption = ({ type }: Argument): boolean => type !== "positional";

const optionText = ({ name, type, aliases, hint, choices }: Argument): string => {
  const value = type === "boolean" ? "" : ` ${choices.length > 0 ? choices.join("|") : hint}`;
  return [...aliases.map((alias) => `${alias.length === 1 ? "-" : "--"}${alias}`), `--${name}${value}`].join(
    ", ",
  );
};

const usageOf = (node: CommandNode, path: readonly string[]): string => {
  const required = node.arguments.filter((one) => isOption(one) && one.isRequired).map(optionText);
  const positionals = node.arguments
    .filter((one) => !isOption(one))
    .map(({ isRequired, hint }) => (isRequired ? hint : `[${hint}]`));
  const hasOptions = node.arguments.some((one) => isOption(one) && !one.isRequired);
  return [
    "npx sluice",
    ...path,
    ...(node.children.length > 0 ? ["COMMAND"] : []),
    ...positionals,
    ...required,
    ...(hasOptions ? ["[options]"] : []),
  ].join(" ");
};

/** Two columns; the second one is wrapped below itself. */
const listed = (rows: readonly (readonly [string, string])[], width: number): string[] => {
  const first = Math.max(...rows.map(([name]) => name.length)) + INDENT;
  return rows.flatMap(([name, text]) =>
    wrapText(text, width - INDENT - first).map((line, at) =>
      `${" ".repeat(INDENT)}${(at === 0 ? name : "").padEnd(first)}${line}`.trimEnd(),
    ),
  );
};

const section = (title: string, lines: readonly string[]): string[] =>
  lines.length === 0 ? [] : ["", strong(title), ...lines];

const described = (argument: Argument): string =>
  [
    argument.description,
    ...(argument.isRequired && isOption(argument) ? ["(required)"] : []),
    ...(argument.fallback === undefined || argument.fallback === ""
      ? []
      : [`(default: ${argument.fallback})`]),
  ].join(" ");

const rowsOf = (node: CommandNode, wanted: (argument: Argument) => boolean): [string, string][] =>
  node.arguments
    .filter(wanted)
    .map((argument) => [isOption(argument) ? optionText(argument) : argument.hint, described(argument)]);

/** `path`: the words that lead to the command; none for all commands. */
export const helpText = (node: CommandNode, path: readonly string[]): string => {
  const width = lineWidth();
  const shown = examples[path.join(" ")] ?? [];
  return [
    ...wrapText(`${node.description}.`, width),
    ...section("Usage", [`  ${usageOf(node, path)}`]),
    ...section(
      "Commands",
      listedOrNone(
        node.children.map(({ name, description }) => [name, description] as const),
        width,
      ),
    ),
    ...section(
      "Arguments",
      listedOrNone(
        rowsOf(node, (one) => !isOption(one)),
        width,
      ),
    ),
    ...section("Options", listedOrNone(rowsOf(node, isOption), width)),
    ...section(
      "Examples",
      shown.flatMap(({ command, does }) => [
        `  ${command}`,
        wrapText(does, width - 6)
          .map((line) => `      ${line}`)
          .join("\n"),
      ]),
    ),
    ...section("Environment", path.length === 0 ? ENVIRONMENT : []),
    "",
    ...wrapText(
      path.length === 0
        ? "`npx sluice COMMAND --help` has options and examples of a command. docs/cli.md has the exit codes."
        : "Exit codes: 0 done, 1 it could not be done or the answer is no, 2 wrong arguments, variable or token. docs/cli.md has the others.",
      width,
    ),
  ].join("\n");
};

const listedOrNone = (rows: readonly (readonly [string, string])[], width: number): string[] =>
  rows.length === 0 ? [] : listed(rows, width);

const ENVIRONMENT = [
  "  SLUICE_URL    the origin; http://127.0.0.1:8080 without it",
  "  SLUICE_TOKEN  an API token; ADMIN_TOKEN is taken without it",
  "  NO_COLOR      set: no colours",
];
