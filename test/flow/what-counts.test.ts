// What counts, and what does not, on the whole stack: each story has people, perhaps somebody who wants another verdict,
// and the verdict that has to come of it.
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { peopleRows } from "../attack/rows/people.ts";
import { play } from "../attack/story.ts";
import { startWorld, type World } from "../attack/world.ts";

// One stack for all: a story takes about a minute, nearly all of which it waits.
vi.setConfig({ maxConcurrency: 8, testTimeout: 180_000 });

/** The rows that hold. `npm run attack` plays all of them; a row joins this list when it holds there. */
const HELD = new Set(["pages fetched ahead"]);
const heldRows = peopleRows.filter(([row]) => HELD.has(row));

let world: World;
beforeAll(async () => {
  world = await startWorld();
});
afterAll(() => world.stop());

let stories = 0;

describe.concurrent.each(heldRows)("%s", (_, rows) => {
  test.each(
    rows.map((story) => [`${story.healthy ? "healthy" : "failing"}, ${story.title}`, story] as const),
  )("%s", async (__, story) => {
    const { ended, held, reason, seconds } = await play(world, story, `feat_${(stories += 1)}`);
    expect(held, `${ended} after ${seconds.toFixed(0)} s: ${reason}`).toBe(true);
  });
});
