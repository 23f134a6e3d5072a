// `npm run attack`: plays what people, browsers and attackers do to a verdict, on the real stack, and prints what it cost
// and what came of it. Exit 0 only if every promise held. `npm run attack -- flood` plays those whose row or title has
// the word. CI plays one of each kind (test/flow/what-counts.test.ts).
import { causeRows } from "./rows/causes.ts";
import { manyNetworks, peopleRows } from "./rows/people.ts";
import { witnessRows } from "./rows/witnesses.ts";
import { play, type Ending, type Story } from "./story.ts";
import { endWithRun } from "../support/end-with-run.ts";
import { startWorld } from "./world.ts";

/** At the same time, of which each needs some hundredths of a core. */
const STORIES_AT_ONCE = 6;

const rows: readonly (readonly [string, readonly Story[]])[] = [
  ...witnessRows,
  ...peopleRows,
  ...causeRows,
  ["many networks, for which nothing is promised", manyNetworks],
];

const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const costOf = ({ attack }: Ending): string =>
  attack === null
    ? "no attacker"
    : `attack: ${attack.requests} requests, ${attack.networks} networks, ${attack.seconds.toFixed(0)} s`;

const verdictOn = ({ story, held }: Ending): string =>
  story.outcome === null ? "measured" : held ? "holds" : "BROKEN";

const tell = (row: string, ending: Ending): string => {
  const { story, ended, seconds, state, exposed, reason } = ending;
  return [
    `${verdictOn(ending).padEnd(8)} ${story.healthy ? "healthy" : "failing"}  ${row}: ${story.title}`,
    `         ${ended} (${state}) after ${seconds.toFixed(0)} s, ${exposed.treatment} : ${exposed.holdout} exposed; ${costOf(ending)}`,
    `         ${reason}`,
  ].join("\n");
};

const [word = ""] = process.argv.slice(2);
const waiting = rows
  .flatMap(([row, stories]) => stories.map((story) => ({ row, story })))
  .filter(({ row, story }) => `${row} ${story.title}`.includes(word));
const count = waiting.length;
let held = 0;
let launched = 0;
endWithRun();
const world = await startWorld();
say(`the stack is up; ${count} stories follow, ${STORIES_AT_ONCE} at a time`);
try {
  const player = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const { row, story } = next;
      try {
        const ending = await play(world, story, `feat_${(launched += 1)}`);
        if (ending.held) held += 1;
        say(tell(row, ending));
      } catch (error) {
        say(`BROKEN   ${row}: ${story.title}\n         could not be played: ${String(error)}`);
      }
    }
  };
  await Promise.all(Array.from({ length: STORIES_AT_ONCE }, player));
} finally {
  await world.stop();
}
say(`${held} of ${count} held`);
process.exitCode = held === count ? 0 : 1;
