// The words in which the console speaks of a feature, each with what it means. They are those of docs/glossary.md.

/** `good`, `bad` and `warn` have a colour and a sign; `calm` and `off` have none. */
export type Tone = "good" | "bad" | "warn" | "calm" | "off";
export type Word = {
  readonly word: string;
  readonly tone: Tone;
  readonly sign: string;
  readonly means: string;
};

const WORDS = {
  rolledBack: {
    word: "Rolled back",
    tone: "bad",
    sign: "↩",
    means: "Closed by Sluice, an alarm or a person because it failed. Only a person opens it again.",
  },
  closed: { word: "Closed", tone: "off", sign: "○", means: "Off for everybody." },
  unwatched: {
    word: "Open, not watched",
    tone: "warn",
    sign: "!",
    means: "Open without a rule: nothing would close it by itself.",
  },
  waiting: { word: "Open, waiting", tone: "calm", sign: "…", means: "Open, and not evaluated yet." },
  COLLECTING: {
    word: "Collecting",
    tone: "calm",
    sign: "…",
    means: "Too few people have been seen for long enough to say anything.",
  },
  TESTING: {
    word: "Testing",
    tone: "calm",
    sign: "≈",
    means: "There is evidence, and not enough of it for either decision.",
  },
  UNDECIDED: {
    word: "Undecided",
    tone: "warn",
    sign: "?",
    means: "The deadline has passed without a decision. It is still evaluated.",
  },
  KEEP: {
    word: "Kept",
    tone: "good",
    sign: "✓",
    means: "Proven good enough by the rule's thresholds. It is still watched.",
  },
  WATCH: {
    word: "Watched",
    tone: "good",
    sign: "✓",
    means: "It was kept, and is watched for getting worse.",
  },
  ROLLBACK: {
    word: "Would roll back",
    tone: "bad",
    sign: "↩",
    means: "The evidence against it has reached its bar.",
  },
  INVALID: {
    word: "Held back",
    tone: "warn",
    sign: "!",
    means: "Something is wrong with the telemetry, so nothing is decided until it is right again.",
  },
} as const satisfies Record<string, Word>;

/** What a list of features is filtered by. */
export const FEATURE_STATES = {
  open: "Open",
  closed: WORDS.closed.word,
  rolledBack: WORDS.rolledBack.word,
  unwatched: WORDS.unwatched.word,
  waiting: WORDS.waiting.word,
  COLLECTING: WORDS.COLLECTING.word,
  TESTING: WORDS.TESTING.word,
  UNDECIDED: WORDS.UNDECIDED.word,
  KEEP: WORDS.KEEP.word,
  WATCH: WORDS.WATCH.word,
  ROLLBACK: WORDS.ROLLBACK.word,
  INVALID: WORDS.INVALID.word,
} as const;
export const MODE_NAMES = { shadow: "In shadow", enforce: "Enforced", none: "Without a rule" } as const;

type Known = keyof typeof WORDS;
const isKnown = (state: string): state is Known => Object.hasOwn(WORDS, state);

type Described = {
  readonly enabled: boolean;
  readonly rolledBackAt: string | null;
  readonly mode: "shadow" | "enforce" | null;
  readonly verdict: { readonly state: string } | null;
};

/** What a feature is, in one word. */
export const stateOf = ({ enabled, rolledBackAt, mode, verdict }: Described): Word => {
  if (rolledBackAt !== null) return WORDS.rolledBack;
  if (!enabled) return WORDS.closed;
  if (mode === null) return WORDS.unwatched;
  if (verdict === null) return WORDS.waiting;
  return isKnown(verdict.state) ? WORDS[verdict.state] : { ...WORDS.waiting, word: verdict.state };
};

/** A sentence of the evaluator without the word that stands beside it already. */
export const withoutState = (sentence: string): string =>
  sentence.replace(/^(?:[A-Z][a-z ]+: )?[A-Z]{4,}: /, "");

export const SIGNALS = {
  activation: {
    name: "Activation",
    short: "Act",
    means: "Share of the people who met the feature and then did what it is for.",
    isGoodWhenHigh: true,
  },
  retention: {
    name: "Retention",
    short: "Return",
    means: "Share of the people who met the feature and came back later.",
    isGoodWhenHigh: true,
  },
  latency: {
    name: "Slow requests",
    short: "Slow",
    means: "Share of requests that took longer than the rule's limit for the 95th percentile.",
    isGoodWhenHigh: false,
  },
  errorRate: {
    name: "Errors",
    short: "Errors",
    means: "Share of requests that failed or never ended.",
    isGoodWhenHigh: false,
  },
} as const;

export const TERMS = {
  evidence:
    "How much better a bet against the feature has done than a fair one: 100 : 1 means that a good feature gets there by chance once in a hundred.",
  bar: "What the evidence has to reach for a decision. It is fixed beforehand, so that looking often costs nothing.",
  ramp: "Stages by which the rollout rises by itself, as long as nothing speaks against the feature.",
  sampleRatio:
    "Chance gives each cohort its share of people. If one has too few, people or their telemetry get lost on the way, and no comparison is fair.",
  holdout: "People who do not get the feature and are counted, to compare with.",
  treatment: "People who get the feature.",
  shadow: "Decisions are written down and not carried out.",
  enforce: "Decisions are carried out: the feature closes by itself.",
  revision: "Number of the last change. An edge with the newest revision shows what is stored.",
} as const;
