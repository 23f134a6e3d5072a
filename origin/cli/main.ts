// `npx sluice COMMAND`: finds the command, checks its arguments and runs it. An error is one line on standard error, or
// one JSON object with --json; errors.ts has the exit codes.
import { runCommand } from "citty";
import packageJson from "../../package.json" with { type: "json" };
import { checkArguments } from "./check-arguments.ts";
import { findCommand, readCommand } from "./command-tree.ts";
import { sluice } from "./commands.ts";
import { printCompletions } from "./completion.ts";
import { failureText, exitCode, UsageError } from "./errors.ts";
import { helpText } from "./help.ts";
import { didYouMean } from "./nearest.ts";
import { printLine } from "./print.ts";

// A reader that has enough, as `head` has, is no failure.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(process.exitCode ?? 0);
  throw error;
});

const words = process.argv.slice(2);
const root = await readCommand("sluice", sluice);
const { node, path, rest } = findCommand(root, words[0] === "help" ? words.slice(1) : words);

const run = async (): Promise<void> => {
  const [first] = rest;
  // Not for people, and therefore not among the commands.
  if (words[0] === "complete" && words[1] === "--") return printCompletions(sluice, words.slice(2));
  if (words.length === 1 && (first === "--version" || first === "-v")) {
    printLine(`sluice ${packageJson.version}`);
    return;
  }
  const end = rest.indexOf("--");
  const options = end === -1 ? rest : rest.slice(0, end);
  const isGroup = !node.runs && node.children.length > 0;
  const isUnknown = isGroup && first !== undefined && !first.startsWith("-");
  if (isUnknown) {
    const names = node.children.map(({ name }) => name);
    throw new UsageError(
      `Unknown command ${[...path, first].join(" ")}${didYouMean(first, names, path.map((word) => `${word} `).join(""))}`,
    );
  }
  if (words.length === 0 || words[0] === "help" || options.includes("--help") || options.includes("-h")) {
    printLine(helpText(node, path));
    return;
  }
  checkArguments(node, rest);
  if (isGroup)
    throw new UsageError(
      `say which: ${node.children.map(({ name }) => [...path, name].join(" ")).join(", ")}`,
    );
  await runCommand(node.command, { rawArgs: [...rest] });
};

try {
  await run();
} catch (error) {
  process.exitCode = exitCode(error);
  const command = path.length === 0 ? "COMMAND" : path.join(" ");
  process.stderr.write(failureText(error, command, rest.includes("--json")));
}
