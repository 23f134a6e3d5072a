// Refuses what a command does not know. citty lets unknown options pass, so a mistyped `--rollot 10%` would open a feature for
// everybody that it was open for before.
import type { Argument, CommandNode } from "./command-tree.ts";
import { UsageError } from "./errors.ts";
import { didYouMean } from "./nearest.ts";

const kebab = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

const longNames = ({ arguments: all }: CommandNode): string[] => [
  ...all.filter(({ type }) => type !== "positional").flatMap(({ name, aliases }) => [name, aliases].flat()),
  "help",
];

const findOption = ({ arguments: all }: CommandNode, name: string): Argument | undefined =>
  all.find((one) => one.type !== "positional" && [one.name, kebab(one.name), ...one.aliases].includes(name));

const wrong = (node: CommandNode, given: string, name: string): UsageError =>
  new UsageError(`unknown option ${given}${didYouMean(name, longNames(node), "--")}`);

/** Throws with the word that is wrong. */
export const checkArguments = (node: CommandNode, words: readonly string[]): void => {
  const positionals: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "--") {
      positionals.push(...words.slice(at + 1));
      break;
    }
    if (!word.startsWith("-") || word === "-") {
      positionals.push(word);
      continue;
    }
    const [given = "", value] = word.split(/=(.*)/s);
    const name = given.replace(/^--?/, "");
    const option = findOption(node, name);
    if (option === undefined) {
      const negated = name.startsWith("no-") ? findOption(node, name.slice(3)) : undefined;
      if (negated?.type === "boolean") continue;
      throw wrong(node, given, name);
    }
    if (option.type === "boolean") {
      if (value !== undefined && value !== "true" && value !== "false")
        throw new UsageError(`${given} takes no value`);
      continue;
    }
    if (value === "" || (value === undefined && at + 1 >= words.length))
      throw new UsageError(`${given} needs a value`);
    if (value === undefined) at += 1;
  }
  const expected = node.arguments.filter(({ type }) => type === "positional");
  const surplus = positionals[expected.length];
  if (surplus !== undefined) throw new UsageError(`${JSON.stringify(surplus)} is one argument too many`);
};
