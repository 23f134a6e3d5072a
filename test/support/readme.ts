// The commands of README.md, as a reader copies them out of its `sh` blocks. Its `shell` block takes the way by the package, which
// test/flow/package.test.ts goes.
import { spawnSync } from "node:child_process";

/** Whether a shell would run the text as it is, or wait for more of it. */
const isComplete = (text: string): boolean => spawnSync("bash", ["-n", "-c", text]).status === 0;

/** Lines that belong together (quotes, loops) are one command. Comments behind a command are left out. */
const commandsOf = (block: string): string[] => {
  const commands: string[] = [];
  let open: string[] = [];
  for (const line of block.split("\n")) {
    if (open.length === 0 && line.trim() === "") continue;
    open.push(line);
    const text = open.join("\n");
    if (!isComplete(text)) continue;
    commands.push(open.length === 1 ? text.replace(/\s+#\s.*$/, "") : text);
    open = [];
  }
  if (open.length > 0) throw new Error(`README.md has a command without an end: ${open.join("\n")}`);
  return commands;
};

/** All commands, in their order. */
export const readmeCommands = (markdown: string): string[] =>
  [...markdown.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].flatMap(([, block = ""]) => commandsOf(block));
