import { Page } from "../parts/page.tsx";

export default () => (
  <Page title="No such page">
    <p>
      This address leads to no page of the console. <a href="/">All features</a>
    </p>
  </Page>
);
