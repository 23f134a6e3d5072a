// What counts, and what does not, on the whole stack: each story has people, perhaps somebody who wants another verdict,
// and the verdict that has to come of it.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { causeRows } from "../attack/rows/causes.ts";
import { peopleRows } from "../attack/rows/people.ts";
import { witnessRows } from "../attack/rows/witnesses.ts";
import { play } from "../attack/story.ts";
import { startWorld, type World } from "../attack/world.ts";

// One stack for all: a story takes about a minute, nearly all of which it waits.
vi.setConfig({ maxConcurrency: 8, testTimeout: 180_000 });

/**
 * Played here: of each kind of misfortune and attack one story, and the whole row of pages that are fetched ahead. `npm run
 * attack` plays all of them, in eight minutes.
 */
const PLAYED = [
  "a page of 2 s with many fast pictures",
  "pages never answer, and visitors leave after 300 ms",
  "the body stalls for ever, and nothing but waiting is judged",
  "treatment answers 502 at once, and the rule names no error rate",
  "people act, and their browsers send much that carries no cookie",
  "1,500 visits without a cookie from one address, against a kept feature",
  "no holdout: the visitors go after KEEP",
];
const WHOLE_ROW = "pages fetched ahead";

/** Those that are watched for longest begin first, so that no long one is played alone at the end. */
const played = [...witnessRows, ...peopleRows, ...causeRows]
  .flatMap(([row, stories]) => stories.filter(({ title }) => row === WHOLE_ROW || PLAYED.includes(title)))
  .toSorted((a, b) => Number(b.healthy) - Number(a.healthy));

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

let features = 0;

test("each story of the list is there", () => {
  const titles = new Set(played.map(({ title }) => title));
  expect(PLAYED.filter((title) => !titles.has(title))).toEqual([]);
});

test.concurrent.each(
  played.map((story) => [`${story.healthy ? "healthy" : "failing"}: ${story.title}`, story] as const),
)("%s", async (_, story) => {
  const { ended, held, reason, seconds } = await play(world, story, `feat_${(features += 1)}`);
  expect(held, `${ended} after ${seconds.toFixed(0)} s: ${reason}`).toBe(true);
});
