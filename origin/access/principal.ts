// Who calls: a person who is signed in, or a person, script or edge that holds a token; and what it may do.

/** What a token may do in the admin API, each with what the ones before it may. `ingest` may send telemetry and nothing else. */
export type Scope = "viewer" | "editor" | "admin";

export type Principal = {
  /** How the audit names it: `admin` is the holder of ADMIN_TOKEN, `token:NAME` of one that was made, `user:EMAIL` a person. */
  readonly actor: string;
  readonly scope: Scope | "ingest";
  /** It may change features with one of these tags only. null: any feature. */
  readonly tags: readonly string[] | null;
};

/** By what a caller is known. */
export type Credential =
  | { readonly kind: "adminToken" }
  | {
      readonly kind: "token";
      readonly tokenId: string;
      readonly name: string;
      readonly expiresAt: Date | null;
    };

export type Caller = { readonly principal: Principal; readonly credential: Credential };
