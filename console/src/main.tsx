import { render } from "preact";
import { lazy, LocationProvider, ErrorBoundary, Route, Router } from "preact-iso";
import { failureOf, loadMe, me, signIn } from "./api.ts";
import { startLive } from "./live.ts";
import { FeaturesPage } from "./pages/features.tsx";
import { Notice } from "./parts/notice.tsx";
import { Shell } from "./parts/shell.tsx";
import "./style.css";

const FeaturePage = lazy(() => import("./pages/feature.tsx"));
const RollbacksPage = lazy(() => import("./pages/rollbacks.tsx"));
const EdgesPage = lazy(() => import("./pages/edges.tsx"));
const AuditPage = lazy(() => import("./pages/audit.tsx"));
const TokensPage = lazy(() => import("./pages/tokens.tsx"));
const ApprovalsPage = lazy(() => import("./pages/approvals.tsx"));
const SegmentsPage = lazy(() => import("./pages/segments.tsx"));
const HooksPage = lazy(() => import("./pages/hooks.tsx"));
const HealthPage = lazy(() => import("./pages/health.tsx"));
const NotFoundPage = lazy(() => import("./pages/not-found.tsx"));

const App = () => (
  <LocationProvider>
    <ErrorBoundary>
      <Shell>
        <Router>
          <Route path="/" component={FeaturesPage} />
          <Route path="/features/:featureId" component={FeaturePage} />
          <Route path="/rollbacks" component={RollbacksPage} />
          <Route path="/approvals" component={ApprovalsPage} />
          <Route path="/segments" component={SegmentsPage} />
          <Route path="/hooks" component={HooksPage} />
          <Route path="/health" component={HealthPage} />
          <Route path="/edges" component={EdgesPage} />
          <Route path="/audit" component={AuditPage} />
          <Route path="/tokens" component={TokensPage} />
          <Route default component={NotFoundPage} />
        </Router>
      </Shell>
    </ErrorBoundary>
  </LocationProvider>
);

const root = document.querySelector("#app");
if (root === null) throw new Error("the page has no element #app");
try {
  await loadMe();
  if (me.value === null) signIn();
  else {
    startLive("/admin/v1/events");
    render(<App />, root);
  }
} catch (error) {
  render(<Notice failure={failureOf(error)} retry={() => location.reload()} />, root);
}
