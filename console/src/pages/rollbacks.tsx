import { History } from "../parts/history.tsx";
import { Page } from "../parts/page.tsx";

export default () => (
  <Page title="Rollbacks" lead="Every feature that was closed because it failed, with the reason.">
    <History action="rollback" />
  </Page>
);
