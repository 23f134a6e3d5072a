// In-process evaluators of other feature gates, each set up for the same question: in one of three countries, and in
// the first half of the units. JavaScript, because the packages are only there once a bench has installed them.
import { GrowthBookClient } from "@growthbook/growthbook";
import { FlagdCore } from "@openfeature/flagd-core";
import { InMemStorageProvider, startUnleash } from "unleash-client";
import { Operator } from "unleash-client/lib/strategy/strategy.js";

const growthbook = () => {
  const client = new GrowthBookClient();
  client.initSync({
    payload: {
      features: {
        feat_bench: {
          defaultValue: false,
          rules: [
            {
              condition: { country: { $in: ["DE", "AT", "CH"] } },
              force: true,
              coverage: 0.5,
              hashAttribute: "id",
            },
          ],
        },
      },
    },
  });
  return (unit) => client.isOn("feat_bench", { attributes: { id: unit, country: "DE" } });
};

const unleash = async () => {
  const client = await startUnleash({
    url: "http://127.0.0.1:9/",
    appName: "bench",
    refreshInterval: 0,
    disableMetrics: true,
    skipInstanceCountWarning: true,
    storageProvider: new InMemStorageProvider(),
    bootstrap: {
      data: [
        {
          name: "feat_bench",
          enabled: true,
          strategies: [
            {
              name: "flexibleRollout",
              parameters: { rollout: "50", stickiness: "userId", groupId: "feat_bench" },
              constraints: [
                {
                  contextName: "country",
                  operator: Operator.IN,
                  values: ["DE", "AT", "CH"],
                  inverted: false,
                  caseInsensitive: false,
                },
              ],
            },
          ],
        },
      ],
    },
  });
  client.on("error", () => undefined);
  return (unit) => client.isEnabled("feat_bench", { userId: unit, properties: { country: "DE" } });
};

const flagd = () => {
  const core = new FlagdCore();
  core.setConfigurations(
    JSON.stringify({
      flags: {
        feat_bench: {
          state: "ENABLED",
          variants: { on: true, off: false },
          defaultVariant: "off",
          targeting: {
            if: [
              { in: [{ var: "country" }, ["DE", "AT", "CH"]] },
              {
                fractional: [
                  { cat: [{ var: "$flagd.flagKey" }, { var: "targetingKey" }] },
                  ["on", 50],
                  ["off", 50],
                ],
              },
              "off",
            ],
          },
        },
      },
    }),
  );
  return (unit) =>
    core.resolveBooleanEvaluation("feat_bench", false, { targetingKey: unit, country: "DE" }).value;
};

export const makePeers = async () => ({
  growthbook: growthbook(),
  unleash: await unleash(),
  flagd: flagd(),
});
