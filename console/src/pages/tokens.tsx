import { useState } from "preact/hooks";
import { whyNot } from "../api.ts";
import { listTokens, revokeToken } from "../client.gen.ts";
import { Action } from "../parts/action.tsx";
import { Loaded, Page } from "../parts/page.tsx";
import { Rows } from "../parts/rows.tsx";
import { Time } from "../parts/time.tsx";
import { useResource } from "../resource.ts";
import { NewTokenDialog } from "./new-token.tsx";

export default () => {
  const tokens = useResource("tokens", () => listTokens({ limit: 500 }));
  const [isMaking, setMaking] = useState(false);
  const refusal = whyNot("admin");
  return (
    <Page
      title="Tokens"
      lead="Who may call the API. A token is shown once, when it is made."
      actions={<Action name="New token" tone="primary" refusal={refusal} onClick={() => setMaking(true)} />}
    >
      <Loaded from={tokens}>
        {({ tokens: rows }) => (
          <Rows
            rows={rows}
            keyOf={({ tokenId }) => tokenId}
            empty="No token was made yet."
            columns={[
              { name: "Name", cell: ({ name }) => name },
              { name: "Scope", cell: ({ scope }) => scope },
              { name: "Tags", cell: ({ tags }) => tags?.join(", ") ?? "all features" },
              {
                name: "Last used",
                cell: ({ lastUsedAt }) => (lastUsedAt === null ? "never" : <Time at={lastUsedAt} ago />),
              },
              {
                name: "Ends",
                cell: ({ expiresAt }) => (expiresAt === null ? "never" : <Time at={expiresAt} />),
              },
              {
                name: "Revoke",
                cell: ({ tokenId, name, revokedAt }) =>
                  revokedAt === null ? (
                    <Action
                      name={`Revoke ${name}`}
                      tone="bad"
                      refusal={refusal}
                      onClick={() => void revokeToken(tokenId).then(tokens.reload, tokens.reload)}
                    />
                  ) : (
                    <Time at={revokedAt} ago />
                  ),
              },
            ]}
          />
        )}
      </Loaded>
      {isMaking ? (
        <NewTokenDialog
          close={() => {
            setMaking(false);
            tokens.reload();
          }}
        />
      ) : null}
    </Page>
  );
};
