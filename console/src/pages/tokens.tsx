import { whyNot } from "../api.ts";
import { Action } from "../parts/action.tsx";
import { AdminOnly } from "../parts/admin-only.tsx";
import { Page } from "../parts/page.tsx";
import { Sessions } from "../people/sessions.tsx";
import { Tokens } from "../people/tokens.tsx";

export default () => {
  const refusal = whyNot("admin");
  return (
    <Page
      title="Tokens and people"
      lead="Who may call the API, and who is signed in. A token is shown once, when it is made."
    >
      <h2>Tokens</h2>
      {refusal === null ? null : (
        <div class="actions">
          <Action name="New token" refusal={refusal} onClick={() => {}} />
        </div>
      )}
      <AdminOnly what="Tokens">
        <Tokens />
      </AdminOnly>
      <h2>People who are signed in</h2>
      <p class="lead">
        A session lasts eight hours at most, and one hour without a request. To let somebody in, make a token
        and send its sign-in link, or let your provider do it (OIDC).
      </p>
      <AdminOnly what="Sessions">
        <Sessions />
      </AdminOnly>
    </Page>
  );
};
