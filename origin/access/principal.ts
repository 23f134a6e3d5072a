// Who calls: a person, a script or an edge that holds a token, and what it may do.

/** What a token may do in the admin API, each with what the ones before it may. `ingest` may send telemetry and nothing else. */
export type Scope = "viewer" | "editor" | "admin";

export type Principal = {
  /** How the audit names it: `admin` is the holder of ADMIN_TOKEN, `token:NAME` of one that was made. */
  readonly actor: string;
  readonly scope: Scope | "ingest";
  /** It may change features with one of these tags only. null: any feature. */
  readonly tags: readonly string[] | null;
};
