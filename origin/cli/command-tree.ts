// The tree of commands as data: names, arguments and descriptions, as help, completion and the check of arguments need
// them. citty lets each part be a function or a promise; here they are plain.
import type { ArgDef, CommandDef } from "citty";

// oxlint-disable-next-line typescript/no-explicit-any -- as citty has it: a command of any arguments
export type AnyCommand = CommandDef<any>;

export type Argument = {
  readonly name: string;
  readonly type: "positional" | "string" | "boolean" | "enum";
  readonly description: string;
  readonly isRequired: boolean;
  readonly aliases: readonly string[];
  readonly choices: readonly string[];
  readonly fallback: string | undefined;
  /** What stands for its value in a usage line. */
  readonly hint: string;
};

export type CommandNode = {
  readonly name: string;
  readonly description: string;
  readonly arguments: readonly Argument[];
  readonly children: readonly CommandNode[];
  /** A group without one is no command by itself. */
  readonly runs: boolean;
  readonly command: AnyCommand;
};

const resolve = async <T>(value: T | Promise<T> | (() => T | Promise<T>)): Promise<T> =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- citty's Resolvable is a function of nothing
  typeof value === "function" ? (value as () => T | Promise<T>)() : value;

const argumentOf = (name: string, definition: ArgDef): Argument => {
  const { type = "boolean", description = "", required, valueHint } = definition;
  const aliases = "alias" in definition ? [definition.alias ?? []].flat() : [];
  const fallback = "default" in definition ? definition.default : undefined;
  return {
    name,
    type,
    description,
    isRequired: type === "positional" ? required !== false && fallback === undefined : required === true,
    aliases,
    choices: type === "enum" && "options" in definition ? (definition.options ?? []) : [],
    fallback: typeof fallback === "string" ? fallback : undefined,
    hint: valueHint ?? name.toUpperCase(),
  };
};

export const readCommand = async (name: string, command: AnyCommand): Promise<CommandNode> => {
  const meta = await resolve(command.meta ?? {});
  const definitions: Readonly<Record<string, ArgDef>> = await resolve(command.args ?? {});
  const subCommands = await resolve(command.subCommands ?? {});
  const children = await Promise.all(
    Object.entries(subCommands).map(async ([child, definition]) =>
      readCommand(child, await resolve<AnyCommand>(definition)),
    ),
  );
  return {
    name,
    description: meta.description ?? "",
    arguments: Object.entries(definitions).map(([key, definition]) => argumentOf(key, definition)),
    children,
    runs: command.run !== undefined,
    command,
  };
};

/** The command that the first words name, those words, and what is left of them. */
export const findCommand = (
  root: CommandNode,
  words: readonly string[],
): { readonly node: CommandNode; readonly path: readonly string[]; readonly rest: readonly string[] } => {
  const [word, ...rest] = words;
  const child = root.children.find(({ name }) => name === word);
  if (child === undefined) return { node: root, path: [], rest: words };
  const found = findCommand(child, rest);
  return { ...found, path: [child.name, ...found.path] };
};
