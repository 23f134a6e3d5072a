// A gauge whose values are read when somebody asks for the metrics, such as the age of something.
import { Gauge, type GaugeConfiguration, type Registry } from "prom-client";

type Value<L extends string> = { readonly labels: Readonly<Record<L, string>>; readonly value: number };

/** It has no values until `readWith` names where they come from. */
export const makeReadGauge = <L extends string>(
  configuration: Pick<GaugeConfiguration<L>, "name" | "help"> & { readonly labelNames: L[] },
  registers: Registry[],
) => {
  let read: () => readonly Value<L>[] = () => [];
  const gauge = new Gauge<L>({
    ...configuration,
    registers,
    collect() {
      this.reset();
      // One without labels begins with a 0, also where nothing is read.
      if (configuration.labelNames.length === 0) this.remove();
      for (const { labels, value } of read()) this.set(labels, value);
    },
  });
  return {
    gauge,
    readWith: (source: () => readonly Value<L>[]): void => {
      read = source;
    },
  };
};
