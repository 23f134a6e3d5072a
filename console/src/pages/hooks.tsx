// Who is told what happens, and whose alerts close features.
import { whyNot } from "../api.ts";
import { Hooks } from "../hooks/hooks.tsx";
import { Targets } from "../hooks/targets.tsx";
import { Action } from "../parts/action.tsx";
import { AdminOnly } from "../parts/admin-only.tsx";
import { Page } from "../parts/page.tsx";
import "../hooks/hooks.css";

const Refused = ({ name }: { name: string }) => {
  const refusal = whyNot("admin");
  return refusal === null ? null : (
    <div class="actions">
      <Action name={name} refusal={refusal} onClick={() => {}} />
    </div>
  );
};

export default () => (
  <Page title="Hooks and notifications" lead="Who is told what happens, and whose alerts close features.">
    <h2>Told of what happens</h2>
    <Refused name="New target" />
    <AdminOnly what="Targets">
      <Targets />
    </AdminOnly>
    <h2>Alerts that close features</h2>
    <Refused name="New hook" />
    <AdminOnly what="Hooks">
      <Hooks />
    </AdminOnly>
  </Page>
);
