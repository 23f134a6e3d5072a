// Removes the series of deleted features from the metrics, so that features that come and go (one for each branch of a site, say)
// do not make them grow for as long as the process lives.
import type { Registry } from "prom-client";

const LABEL = "feature";

/** `exists`: of a feature's id. */
export const forgetSeries = async (
  registry: Registry,
  exists: (feature: string) => boolean,
): Promise<void> => {
  for (const { name } of registry.getMetricsAsArray()) {
    const metric = registry.getSingleMetric(name);
    if (metric === undefined) continue;
    const { values } = await metric.get();
    for (const { labels } of values) {
      const feature = labels[LABEL];
      // '' stands for no feature at all.
      if (feature !== undefined && feature !== "" && !exists(String(feature))) metric.remove(labels);
    }
  }
};
