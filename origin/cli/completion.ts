// `sluice completion SHELL`: completion for bash, zsh and fish. The scripts know nothing by themselves: they ask
// `sluice complete` with the words so far, which reads the tree of commands and asks the origin for features.
import { defineCommand } from "citty";
import { z } from "zod";
import { askFor } from "./ask-origin.ts";
import {
  findCommand,
  readCommand,
  type AnyCommand,
  type Argument,
  type CommandNode,
} from "./command-tree.ts";
import { UsageError } from "./errors.ts";
import { printLine } from "./print.ts";

// A shell completes in the middle of a line, so it hands over the words before the one under the cursor, and that word.
const SCRIPTS = {
  bash: `# bash completion of sluice: source <(npx sluice completion bash)
_sluice() {
  local line words=("\${COMP_WORDS[@]}") at=$COMP_CWORD
  if [ "\${words[0]##*/}" = npx ]; then
    [ "$at" -gt 1 ] && [ "\${words[1]}" = sluice ] || return
    words=("\${words[@]:1}")
    at=$((at - 1))
  fi
  COMPREPLY=()
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(
    command \${SLUICE_COMMAND:-npx sluice} complete -- "\${words[@]:1:$at}" 2>/dev/null
  )
  [ "\${#COMPREPLY[@]}" -eq 1 ] && COMPREPLY=("\${COMPREPLY[0]} ")
}
# A feature's id may hold a colon, at which bash would break the word.
COMP_WORDBREAKS=\${COMP_WORDBREAKS//:}
complete -o nospace -o default -F _sluice sluice npx
`,
  zsh: `#compdef sluice
# zsh completion of sluice: source <(npx sluice completion zsh)
_sluice() {
  local -a found arguments
  arguments=("\${words[@]:1:$((CURRENT - 1))}")
  if [[ "\${words[1]:t}" == npx ]]; then
    [[ $CURRENT -gt 2 && "\${words[2]}" == sluice ]] || { _default; return }
    arguments=("\${words[@]:2:$((CURRENT - 2))}")
  fi
  found=("\${(@f)$(command \${=SLUICE_COMMAND:-npx sluice} complete -- "\${arguments[@]}" 2>/dev/null)}")
  [[ -n "\${found[1]}" ]] && compadd -a found
}
compdef _sluice sluice npx
`,
  fish: `# fish completion of sluice: npx sluice completion fish | source
function __sluice_complete
    set -l words (commandline -opc) (commandline -ct)
    if test (string split / -- $words[1])[-1] = npx
        test "$words[2]" = sluice; or return
        set words $words[2..-1]
    end
    set -l program npx sluice
    set -q SLUICE_COMMAND; and set program (string split ' ' -- $SLUICE_COMMAND)
    command $program complete -- $words[2..-1] 2>/dev/null
end
complete -c sluice -f -a '(__sluice_complete)'
complete -c npx -n 'string match -q "npx sluice *" -- (commandline -cp)' -f -a '(__sluice_complete)'
`,
} as const;
const SHELLS = ["bash", "zsh", "fish"] as const;

const Page = z.object({ features: z.array(z.looseObject({ featureId: z.string() })) });
const MAX_FEATURES = 200;
/** A person waits with a finger on the key. */
const WITHIN_MS = 1_500;

const featureIds = async (begun: string): Promise<string[]> => {
  const query = new URLSearchParams({ limit: String(MAX_FEATURES) });
  const path = `/features?${query.toString()}`;
  try {
    const { features } = await askFor(undefined, { path, withinMs: WITHIN_MS }, Page);
    return features.map(({ featureId }) => featureId).filter((id) => id.startsWith(begun));
  } catch {
    // Without an origin or a token there is nothing to offer, and a message would spoil the line.
    return [];
  }
};

const optionsOf = ({ arguments: all }: CommandNode): string[] => [
  ...all.filter(({ type }) => type !== "positional").map(({ name }) => `--${name}`),
  "--help",
];

/** The option that the last word leaves without a value. */
const openOption = (node: CommandNode, words: readonly string[]): Argument | undefined => {
  const last = words.at(-1) ?? "";
  return node.arguments.find(
    ({ name, type }) => last === `--${name}` && (type === "string" || type === "enum"),
  );
};

/** What may stand for the last of the words. */
const complete = async (root: CommandNode, given: readonly string[]): Promise<string[]> => {
  const words = given.slice(0, -1);
  const begun = given.at(-1) ?? "";
  const { node, rest } = findCommand(root, words);
  const fits = (candidates: readonly string[]): string[] => candidates.filter((one) => one.startsWith(begun));
  const open = openOption(node, rest);
  if (open !== undefined) return fits(open.choices);
  if (begun.startsWith("-")) return fits(optionsOf(node));
  if (node.children.length > 0) return rest.length === 0 ? fits(node.children.map(({ name }) => name)) : [];
  const first = node.arguments.find(({ type }) => type === "positional");
  const isFeature = first !== undefined && /FEATURE/.test(first.hint);
  return isFeature && rest.every((word) => word.startsWith("-")) ? featureIds(begun) : [];
};

export const completionCommand = defineCommand({
  meta: { name: "completion", description: "Print a script that completes commands, options and features" },
  args: {
    shell: { type: "positional", required: true, description: "bash, zsh or fish" },
  },
  run: ({ args }) => {
    const shell = SHELLS.find((one) => one === args.shell);
    if (shell === undefined) throw new UsageError(`SHELL must be one of ${SHELLS.join(", ")}`);
    printLine(SCRIPTS[shell].trimEnd());
  },
});

/** Called by the scripts: what may stand for the last of the words, a line each. */
export const printCompletions = async (tree: AnyCommand, words: readonly string[]): Promise<void> => {
  const found = await complete(await readCommand("sluice", tree), words.length === 0 ? [""] : words);
  if (found.length > 0) printLine(found.join("\n"));
};
