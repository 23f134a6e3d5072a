// The console's pages, once: its router and navigation, the origin that serves it, and the tests and pictures of each
// page all go by this list.

/** What one does there: see how features do, change something, or look after who may and who did. */
export type PageGroup = "watch" | "change" | "govern";

export type ConsolePage = {
  /** As the address has it; `:name` stands for one part of it. */
  readonly path: string;
  /** As the navigation calls it. */
  readonly name: string;
  /** Of its picture. */
  readonly file: string;
  /** null: it is not in the navigation. */
  readonly group: PageGroup | null;
  /** An address in the seeded installation (scripts/seed). */
  readonly example: string;
};

/** In the order of the navigation. */
export const CONSOLE_PAGES = [
  { path: "/", name: "Features", file: "features", group: "watch", example: "/" },
  {
    path: "/features/:featureId",
    name: "Feature",
    file: "feature",
    group: null,
    example: "/features/feat_smart_recs_v1",
  },
  {
    path: "/features/:featureId/edit",
    name: "Fields",
    file: "fields",
    group: null,
    example: "/features/feat_smart_recs_v1/edit",
  },
  {
    path: "/features/:featureId/rule",
    name: "Rule",
    file: "rule",
    group: null,
    example: "/features/feat_smart_recs_v1/rule",
  },
  {
    path: "/new-feature",
    name: "New feature",
    file: "new-feature",
    group: null,
    example: "/new-feature",
  },
  { path: "/rollbacks", name: "Rollbacks", file: "rollbacks", group: "watch", example: "/rollbacks" },
  {
    path: "/rollbacks/:revision",
    name: "Rollback",
    file: "rollback",
    group: null,
    example: "/rollbacks/61",
  },
  { path: "/review", name: "Review", file: "review", group: "watch", example: "/review" },
  { path: "/edges", name: "Edges", file: "edges", group: "watch", example: "/edges" },
  { path: "/health", name: "Health", file: "health", group: "watch", example: "/health" },
  { path: "/approvals", name: "Approvals", file: "approvals", group: "change", example: "/approvals" },
  { path: "/segments", name: "Segments", file: "segments", group: "change", example: "/segments" },
  { path: "/hooks", name: "Hooks and notifications", file: "hooks", group: "change", example: "/hooks" },
  { path: "/audit", name: "Audit", file: "audit", group: "govern", example: "/audit" },
  { path: "/tokens", name: "Tokens", file: "tokens", group: "govern", example: "/tokens" },
] as const satisfies readonly ConsolePage[];

export type PagePath = (typeof CONSOLE_PAGES)[number]["path"];
