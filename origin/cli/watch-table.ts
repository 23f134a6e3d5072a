// The screen of `sluice watch`: the features, those that need a look first, and below them what happened last. It is drawn on
// the terminal's second screen, so that the first one is as before when it ends.
import { featureTable, listAll, stateOf, type Feature } from "./feature-table.ts";
import { strong } from "./print.ts";

const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_LINE_END = "\u001b[K";
const CLEAR_REST = "\u001b[J";

/** Changes that come together are drawn together. */
const GATHER_MS = 100;
/** What no event tells, such as a rollout that a ramp raised at another process. */
const REFRESH_MS = 5_000;
const MOST_EVENTS = 6;
/** Title, an empty line, the table's head, an empty line and a heading. */
const FIXED_LINES = 5;

/** Rolled back first, then what is on trial, then what is kept, then the closed ones. */
const RANKS = [/^(?:ROLLED BACK|ROLLBACK|INVALID)$/, /^(?:COLLECTING|TESTING|UNDECIDED)$/, /^(?!closed$)/];
const rankOf = (feature: Feature): number => {
  const rank = RANKS.findIndex((pattern) => pattern.test(stateOf(feature)));
  return rank === -1 ? RANKS.length : rank;
};

const cut = (line: string, width: number): string =>
  line.length <= width ? line : `${line.slice(0, width - 1)}…`;

/** The lines of the screen. */
const drawn = (
  { features, events, note }: { features: readonly Feature[]; events: readonly string[]; note: string },
  { width, height }: { width: number; height: number },
): string[] => {
  const shownEvents = events.slice(-Math.max(1, Math.min(MOST_EVENTS, height - FIXED_LINES - 3)));
  const room = Math.max(1, height - FIXED_LINES - Math.max(1, shownEvents.length));
  const sorted = features.toSorted((a, b) => rankOf(a) - rankOf(b));
  const isAll = sorted.length <= room;
  const shown = isAll ? sorted : sorted.slice(0, room - 1);
  const title = `Sluice: ${features.length} ${features.length === 1 ? "feature" : "features"}`;
  return [
    `${strong(title)}${note.slice(0, width - title.length - 2).padStart(width - title.length)}`,
    "",
    ...featureTable(shown).split("\n"),
    ...(isAll ? [] : [`and ${sorted.length - shown.length} more: npx sluice status`]),
    "",
    strong("What happened"),
    ...(shownEvents.length === 0 ? ["nothing yet"] : shownEvents.map((line) => cut(line, width))),
  ].slice(0, height);
};

export type WatchTable = {
  readonly event: (line: string) => void;
  readonly note: (text: string) => void;
  /** Gives the terminal back. */
  readonly end: () => void;
};

/** Throws where the features cannot be read: then nothing was drawn. */
export const showTable = async (origin: string | undefined): Promise<WatchTable> => {
  const filters = { tag: undefined, owner: undefined, state: undefined };
  let features = await listAll(origin, filters);
  const events: string[] = [];
  let note = "";
  let isShown = true;

  const draw = (): void => {
    if (!isShown) return;
    const { columns: width, rows: height } = process.stdout;
    const lines = drawn({ features, events, note }, { width, height });
    process.stdout.write(
      `${HOME}${lines.map((line) => `${line}${CLEAR_LINE_END}`).join("\r\n")}${CLEAR_REST}`,
    );
  };
  const refresh = async (): Promise<void> => {
    try {
      features = await listAll(origin, filters);
    } catch {
      // The stream of events ends with the origin too, and says so.
    }
    draw();
  };
  let gathering: NodeJS.Timeout | undefined;
  const refreshSoon = (): void => {
    gathering ??= setTimeout(() => {
      gathering = undefined;
      void refresh();
    }, GATHER_MS);
  };
  const timer = setInterval(() => void refresh(), REFRESH_MS);

  const end = (): void => {
    if (!isShown) return;
    isShown = false;
    clearInterval(timer);
    clearTimeout(gathering);
    process.stdout.write(LEAVE);
  };
  // However it ends, the terminal is given back.
  process.once("exit", end);
  process.once("SIGTERM", () => process.exit(143));
  process.once("SIGHUP", () => process.exit(129));
  process.stdout.on("resize", draw);
  process.stdout.write(ENTER);
  draw();
  return {
    event: (line) => {
      events.push(line);
      if (events.length > MOST_EVENTS) events.shift();
      refreshSoon();
    },
    note: (text) => {
      note = text;
      draw();
    },
    end,
  };
};
