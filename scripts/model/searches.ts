// What is searched of the models, and how much of it: sizes at which all of it ends within a minute. HISTORIES is
// model/histories.pml; the other parts are model/rollback.pml's.

export type Part = "ORIGIN" | "PUSH" | "REGION" | "HISTORIES";

export type Search = {
  readonly name: string;
  readonly part: Part;
  /** Further -D flags of the model. */
  readonly flags: readonly string[];
  /** The flag that takes a safeguard away; null: the protocol as it is. */
  readonly mutant: string | null;
};

const intact = (name: string, part: Part, ...flags: string[]): Search => ({
  name,
  part,
  flags,
  mutant: null,
});

/** No run may break a property, and every statement must be reached. */
export const intactSearches: readonly Search[] = [
  intact("decisions, people, outbox and Redis; 3 faults", "ORIGIN", "FAULTS=3"),
  intact("two push processes, hub and KV; 2 changes, 2 faults", "PUSH", "CHANGES=2"),
  intact("replica and isolate; 2 changes, 1 fault", "REGION", "CHANGES=2", "FAULTS=1"),
  intact("the whole edge; 2 changes, 2 faults", "PUSH", "REGION", "CHANGES=2", "PUSHES=1", "CALLS=1"),
  intact("two primaries; 1 change in each, 2 faults", "HISTORIES", "CHANGES=1", "FAULTS=2"),
];

/** For a change of the protocol: minutes, and 1 GB. */
export const deepSearches: readonly Search[] = [
  intact("two push processes, hub and KV; 3 changes, 1 fault", "PUSH", "CHANGES=3", "FAULTS=1"),
  intact("two push processes, a push each; 3 changes, 2 faults", "PUSH", "CHANGES=3", "PUSHES=2"),
  intact("replica and isolate; 2 changes, 2 faults", "REGION", "CHANGES=2"),
  intact("the whole edge; 3 changes, 2 faults", "PUSH", "REGION", "CHANGES=3", "PUSHES=1", "CALLS=1"),
  intact("two primaries; 2 changes in each, no fault", "HISTORIES", "CHANGES=2", "FAULTS=0"),
];

/** A safeguard taken away, and the property that a run must then be found to break. */
export type MutantSearch = Search & { readonly mutant: string; readonly breaks: string };

const mutant = (
  part: Part,
  flag: string,
  { without, breaks }: { without: string; breaks: string },
): MutantSearch => ({
  name: `without ${without}`,
  part,
  flags: part === "HISTORIES" ? ["CHANGES=1"] : ["CHANGES=2"],
  mutant: flag,
  breaks,
});

export const mutantSearches: readonly MutantSearch[] = [
  mutant("ORIGIN", "NO_VERSION_CHECK", {
    without: "the version check of the database",
    breaks: "epoch==sawEpoch",
  }),
  mutant("ORIGIN", "NO_CHANGE_ID", {
    without: "the change id when a commit is sent again",
    breaks: "isTold==isCommitted",
  }),
  mutant("ORIGIN", "NO_OUTBOX", {
    without: "the outbox: published after the commit, once",
    breaks: "keyShows==",
  }),
  mutant("ORIGIN", "NO_KEY_CHECK", {
    without: "the revision check of a state in Redis",
    breaks: "row>=keyRevision",
  }),
  mutant("ORIGIN", "NO_KEY_RESTORE", {
    without: "restoring Redis from the database",
    breaks: "keyShows==",
  }),
  mutant("PUSH", "NO_COMMIT_ORDER", {
    without: "the lock that gives out revisions in the order of commits",
    breaks: "hub.shows==",
  }),
  mutant("PUSH", "NO_HEARTBEAT", {
    without: "the heartbeat: pushed on an event alone",
    breaks: "hub.revision==head",
  }),
  mutant("PUSH", "NO_HUB_CHECK", {
    without: "the revision check of the hub",
    breaks: ".revision>=hub.revision",
  }),
  mutant("PUSH", "NO_SINCE_CHECK", {
    without: "the refusal of a push that builds on what never arrived",
    breaks: "hub.shows==showsAt[hub.revision]",
  }),
  mutant("PUSH", "NO_ALARM_AGAIN", {
    without: "setting the hub's alarm again after a crash",
    breaks: "kv.revision==head",
  }),
  mutant("REGION", "NO_WATCH_CHECK", {
    without: "the revision check of replica and isolate",
    breaks: ".revision>=isolate.revision",
  }),
  mutant("REGION", "NO_STREAM_END", {
    without: "the end of a stream of which an answer was lost",
    breaks: ".shows==showsAt",
  }),
  mutant("REGION", "NO_BEGIN_CHECK", {
    without: "the check that nobody answered while KV was read",
    breaks: "kvRead.revision>=isolate.revision",
  }),
  mutant("HISTORIES", "NO_HEAD_CHECK", {
    without: "the comparison of heads: a revision alone names a state",
    breaks: "hub.mark==",
  }),
  mutant("HISTORIES", "NO_CLOSED_EPOCH", {
    without: "the epoch that a feature was closed in: another history opens it",
    breaks: "hub.closedEpoch",
  }),
  mutant("HISTORIES", "NO_DISPUTE", {
    without: "keeping a close that came ahead for another history",
    breaks: "hub.closedEpoch",
  }),
  mutant("HISTORIES", "NO_RECOVERY", {
    without: "closing in the database what an edge holds closed",
    breaks: "hub.open==",
  }),
];
