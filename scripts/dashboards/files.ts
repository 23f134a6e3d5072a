// Name of each file in deploy/grafana/dashboards and its text.
import { featuresDashboard } from "./features-dashboard.ts";
import { operationsDashboard } from "./operations-dashboard.ts";

export const dashboardFiles = (): ReadonlyMap<string, string> =>
  new Map(
    [featuresDashboard(), operationsDashboard()].map((made) => [
      `${made.uid}.json`,
      `${JSON.stringify(made, null, 2)}\n`,
    ]),
  );
