// Expressions of PromQL that several panels have.

export const rate = (series: string): string => `rate(${series}[$__rate_interval])`;
const quantile = (share: number, metric: string): string =>
  `histogram_quantile(${share}, sum by (le) (increase(${metric}_bucket[$__range])))`;
export const quantiles = (metric: string) => [
  { expr: quantile(0.5, metric), legend: "median" },
  { expr: quantile(0.99, metric), legend: "99th percentile" },
];
