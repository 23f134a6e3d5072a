// Which guide stands beside the pages: the first steps of an empty installation, or the demo's story. It lasts as long as the
// tab, over every page, until somebody closes it.
import { signal } from "@preact/signals";

const GUIDES = ["first-run", "demo"] as const;
export type GuideName = (typeof GUIDES)[number];

const KEY = "sluice-guide";
const guideOf = (text: string | null): GuideName | null => GUIDES.find((name) => name === text) ?? null;

const asked = guideOf(new URLSearchParams(location.search).get("guide"));
if (asked !== null) sessionStorage.setItem(KEY, asked);

export const guide = signal<GuideName | null>(guideOf(sessionStorage.getItem(KEY)));

const SKIPPED = "sluice-first-run-skipped";

/** Shows the first steps by themselves, unless they were skipped in this browser. */
export const beginFirstRun = (): void => {
  if (guide.value === null && localStorage.getItem(SKIPPED) === null) showGuide("first-run");
};

export const showGuide = (name: GuideName | null): void => {
  if (name === null) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, name);
  if (name === null && guide.value === "first-run") localStorage.setItem(SKIPPED, "yes");
  guide.value = name;
};
