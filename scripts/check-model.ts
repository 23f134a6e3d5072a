// `npm run model [-- --deep]`: searches the protocol's model and its mutants, prints what was found, and fails when the
// protocol breaks a property or a mutant does not. docs/protocol.md says what is searched.
import { search, type Found } from "./model/search.ts";
import { deepSearches, intactSearches, mutantSearches } from "./model/searches.ts";
import { provide } from "./system-programs.ts";

provide(["spin", "gcc"], "npm run model");

const line = (mark: string, name: string, { states, memory, ms, violation }: Found): string =>
  `${mark} ${name.padEnd(66)} ${String(states).padStart(8)} states ${(ms / 1_000).toFixed(1).padStart(5)} s ` +
  `${memory.toFixed(0).padStart(4)} MB${violation === null ? "" : `  broken: ${violation}`}`;

const began = performance.now();
let states = 0;
let failures = 0;

for (const each of process.argv.includes("--deep") ? deepSearches : intactSearches) {
  const found = await search(each);
  const holds = found.violation === null && found.isComplete && found.unreached.length === 0;
  states += found.states;
  if (!holds) failures += 1;
  console.log(line(holds ? "✓" : "✗", each.name, found));
  for (const text of [...found.trail, ...found.unreached]) console.log(`    ${text}`);
  if (!found.isComplete) console.log("    not searched to the end");
}
for (const each of mutantSearches) {
  const found = await search(each);
  const isFound = found.violation?.includes(each.breaks) === true;
  if (!isFound) failures += 1;
  console.log(line(isFound ? "✓" : "✗", each.name, found));
}
const seconds = ((performance.now() - began) / 1_000).toFixed(0);
console.log(`${states} states of the protocol and ${mutantSearches.length} mutants in ${seconds} s`);
process.exitCode = failures === 0 ? 0 : 1;
