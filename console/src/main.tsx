import { render, type ComponentType } from "preact";
import { lazy, LocationProvider, ErrorBoundary, Route, Router } from "preact-iso";
import { CONSOLE_PAGES, type PagePath } from "../../shared/console-pages.ts";
import { failureOf, loadMe, me, signIn } from "./api.ts";
import { startLive } from "./live.ts";
import { FeaturesPage } from "./pages/features.tsx";
import { Notice } from "./parts/notice.tsx";
import { Shell } from "./parts/shell.tsx";
import "./style.css";

/** The first page is there at once, the others when they are opened. */
const PAGES: Readonly<Record<PagePath, ComponentType>> = {
  "/": FeaturesPage,
  "/features/:featureId": lazy(() => import("./pages/feature.tsx")),
  "/features/:featureId/edit": lazy(() => import("./pages/edit-feature.tsx")),
  "/features/:featureId/rule": lazy(() => import("./pages/edit-rule.tsx")),
  "/new-feature": lazy(() => import("./pages/new-feature.tsx")),
  "/rollbacks": lazy(() => import("./pages/rollbacks.tsx")),
  "/rollbacks/:revision": lazy(() => import("./pages/rollback.tsx")),
  "/review": lazy(() => import("./pages/review.tsx")),
  "/approvals": lazy(() => import("./pages/approvals.tsx")),
  "/segments": lazy(() => import("./pages/segments.tsx")),
  "/hooks": lazy(() => import("./pages/hooks.tsx")),
  "/health": lazy(() => import("./pages/health.tsx")),
  "/edges": lazy(() => import("./pages/edges.tsx")),
  "/audit": lazy(() => import("./pages/audit.tsx")),
  "/tokens": lazy(() => import("./pages/tokens.tsx")),
};
const NotFoundPage = lazy(() => import("./pages/not-found.tsx"));

const App = () => (
  <LocationProvider>
    <ErrorBoundary>
      <Shell>
        <Router>
          {CONSOLE_PAGES.map(({ path }) => (
            <Route key={path} path={path} component={PAGES[path]} />
          ))}
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
