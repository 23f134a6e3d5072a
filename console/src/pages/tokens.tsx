import { useState } from "preact/hooks";
import { whyNot } from "../api.ts";
import { listTokens, revokeToken } from "../client.gen.ts";
import { Action } from "../parts/action.tsx";
import { Loaded, Page } from "../parts/page.tsx";
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
        {({ tokens: rows }) =>
          rows.length === 0 ? (
            <p class="empty">No token was made yet.</p>
          ) : (
            <div class="scroll">
              <table>
                <thead>
                  <tr>
                    <th scope="col">Name</th>
                    <th scope="col">Scope</th>
                    <th scope="col">Tags</th>
                    <th scope="col">Last used</th>
                    <th scope="col">Ends</th>
                    <th scope="col" />
                  </tr>
                </thead>
                <tbody>
                  {rows.map((token) => (
                    <tr key={token.tokenId}>
                      <th scope="row">{token.name}</th>
                      <td>{token.scope}</td>
                      <td>{token.tags?.join(", ") ?? "all features"}</td>
                      <td>{token.lastUsedAt === null ? "never" : <Time at={token.lastUsedAt} ago />}</td>
                      <td>{token.expiresAt === null ? "never" : <Time at={token.expiresAt} />}</td>
                      <td>
                        {token.revokedAt === null ? (
                          <Action
                            name={`Revoke ${token.name}`}
                            tone="bad"
                            refusal={refusal}
                            onClick={() => void revokeToken(token.tokenId).then(tokens.reload, tokens.reload)}
                          />
                        ) : (
                          <span>
                            revoked <Time at={token.revokedAt} ago />
                          </span>
                        )}
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </div>
          )
        }
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
