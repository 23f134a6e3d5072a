// API tokens: who may call, when each was used last, and what a revocation would break.
import { useState } from "preact/hooks";
import { whyNot } from "../api.ts";
import { listTokens, revokeToken, type Token } from "../client.gen.ts";
import { Action } from "../parts/action.tsx";
import { Ask } from "../parts/ask.tsx";
import { Loaded } from "../parts/page.tsx";
import { Rows } from "../parts/rows.tsx";
import { nowMs, Time } from "../parts/time.tsx";
import { useResource } from "../resource.ts";
import { NewTokenDialog } from "./new-token.tsx";

const BREAKS = {
  viewer: "What reads with it (a dashboard, an export) is refused.",
  editor: "What changes features with it (a pipeline, a script, a person) is refused.",
  admin: "What changes features, tokens and hooks with it is refused.",
  ingest: "Telemetry that is sent with it is refused: its features are then judged without it.",
} as const;

const Revoke = ({ token, close }: { token: Token; close: () => void }) => (
  <Ask
    title={`Revoke ${token.name}?`}
    confirm="Revoke it"
    tone="bad"
    run={() => revokeToken(token.tokenId)}
    close={close}
  >
    <p>{BREAKS[token.scope]} Everybody who signed in with it is signed out. It cannot be taken back.</p>
    <p>
      {token.lastUsedAt === null ? (
        "It was never used."
      ) : (
        <>
          It was used last <Time at={token.lastUsedAt} ago />.
        </>
      )}{" "}
      Other origins may take it for five more seconds.
    </p>
  </Ask>
);

const stateOf = ({ revokedAt, expiresAt }: Token): "usable" | "revoked" | "ended" =>
  revokedAt !== null
    ? "revoked"
    : expiresAt !== null && Date.parse(expiresAt) < nowMs.value
      ? "ended"
      : "usable";

export const Tokens = () => {
  const tokens = useResource("tokens", () => listTokens({ limit: 500 }));
  const [isMaking, setMaking] = useState(false);
  const [revoking, setRevoking] = useState<Token | null>(null);
  const refusal = whyNot("admin");
  const close = (): void => {
    setMaking(false);
    setRevoking(null);
    tokens.reload();
  };
  return (
    <>
      <div class="actions">
        <Action name="New token" tone="primary" refusal={refusal} onClick={() => setMaking(true)} />
      </div>
      <Loaded from={tokens}>
        {({ tokens: rows }) => (
          <Rows
            rows={rows.toSorted((a, b) => Number(stateOf(a) !== "usable") - Number(stateOf(b) !== "usable"))}
            keyOf={({ tokenId }) => tokenId}
            empty="No token was made yet. A program gets one of its own, so that the audit can name it and it can be revoked alone."
            columns={[
              {
                name: "Name",
                cell: ({ name, createdBy, createdAt }) => (
                  <>
                    {name}
                    <small>
                      made by {createdBy} <Time at={createdAt} ago />
                    </small>
                  </>
                ),
              },
              { name: "May do", cell: ({ scope }) => scope },
              { name: "Features", cell: ({ tags }) => (tags === null ? "all" : `tagged ${tags.join(", ")}`) },
              {
                name: "Last used",
                cell: ({ lastUsedAt }) => (lastUsedAt === null ? "never" : <Time at={lastUsedAt} ago />),
              },
              {
                name: "Ends",
                cell: ({ expiresAt }) => (expiresAt === null ? "never" : <Time at={expiresAt} ago />),
              },
              {
                name: "Revoke",
                cell: (token) =>
                  stateOf(token) === "usable" ? (
                    <Action
                      name={`Revoke ${token.name}`}
                      tone="bad"
                      refusal={refusal}
                      onClick={() => setRevoking(token)}
                    />
                  ) : token.revokedAt === null ? (
                    "ended"
                  ) : (
                    <>
                      revoked <Time at={token.revokedAt} ago />
                      <small>by {token.revokedBy}</small>
                    </>
                  ),
              },
            ]}
          />
        )}
      </Loaded>
      {isMaking ? <NewTokenDialog close={close} /> : null}
      {revoking === null ? null : <Revoke token={revoking} close={close} />}
    </>
  );
};
