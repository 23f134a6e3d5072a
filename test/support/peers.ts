// The evaluators of other feature gates, from bench/package.json, each for one feature of full rollout.
import { createRequire } from "node:module";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

export type Attributes = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;
export type Peer = (attributes: Attributes) => boolean;

const bench = fileURLToPath(new URL("../../bench", import.meta.url));
const load = createRequire(`${bench}/package.json`);

/** Throws when npm cannot get the packages. */
export const loadPeers = () => {
  if (!existsSync(`${bench}/node_modules/unleash-client`)) {
    const { status, stderr } = spawnSync("npm", ["ci", "--no-audit", "--no-fund"], {
      cwd: bench,
      encoding: "utf8",
    });
    if (status !== 0)
      throw new Error(`npm ci in bench failed, so there is nothing to compare with: ${stderr}`);
  }
  const { Strategy } = load("unleash-client");
  const { FlagdCore } = load("@openfeature/flagd-core");
  const { GrowthBook } = load("@growthbook/growthbook");
  const { default: UserWithId } = load("unleash-client/lib/strategy/user-with-id-strategy.js");
  const silent = { error: () => {}, warn: () => {}, info: () => {}, debug: () => {} };
  const everybody = new Strategy("default", true);
  const byId = new UserWithId();
  type UnleashStrategy = { name: string; parameters?: object; constraints?: readonly object[] };

  return {
    /** As the client does: one of the strategies holds. */
    unleash:
      (strategies: readonly UnleashStrategy[]): Peer =>
      ({ userId, ...properties }) =>
        strategies.length === 0 ||
        strategies.some(({ name, parameters = {}, constraints = [] }): boolean => {
          const strategy = name === "userWithId" ? byId : name === "default" ? everybody : null;
          return strategy?.isEnabledWithConstraints(parameters, { userId, properties }, constraints) ?? false;
        }),
    growthBook: (definition: object, savedGroups: object): Peer => {
      return (attributes) =>
        new GrowthBook({ features: { feat: definition }, savedGroups, attributes }).isOn("feat");
    },
    /** On: the value is true. */
    flagd: (flag: object, evaluators: object): Peer => {
      const core = new FlagdCore(undefined, silent);
      core.setConfigurations(JSON.stringify({ flags: { feat: flag }, $evaluators: evaluators }));
      return (attributes) => core.resolveBooleanEvaluation("feat", false, attributes, silent).value;
    },
  };
};
