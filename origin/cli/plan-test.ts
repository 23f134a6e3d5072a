// `sluice plan-test`: what a rule can see at a given traffic, before launch. Needs no service.
import { defineCommand } from "citty";
import { forecastRule } from "../decide/planning/forecast.ts";
import { Rule } from "../../shared/features/rule.ts";
import { UsageError } from "./errors.ts";
import { forecastText } from "./forecast-text.ts";

const number = (text: string, name: string): number => {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new UsageError(`--${name} must be a number`);
  return value;
};

export const planTestCommand = defineCommand({
  meta: {
    name: "plan-test",
    description: "How long a rule takes to decide at a given traffic, and what it cannot see",
  },
  args: {
    "users-per-day": { type: "string", required: true, description: "new users of the feature a day" },
    "holdout-users-per-day": {
      type: "string",
      default: "0",
      description: "new users of the holdout a day; more than 0: outcomes are held against them as well",
    },
    compare: {
      type: "string",
      description:
        "threshold, holdout or both (the default beside a holdout): what outcomes are held against",
    },
    activation: { type: "string", default: "0.15", description: "activationThreshold" },
    retention: { type: "string", default: "0.4", description: "retentionThreshold" },
    "min-cohort": { type: "string", default: "5000", description: "minCohortSize" },
    "window-seconds": { type: "string", default: "1209600", description: "evaluationWindowSeconds" },
    alpha: { type: "string", default: "0.0004", description: "falseRollbackRate" },
    json: { type: "boolean", default: false, description: "print the plan as JSON" },
  },
  run: ({ args }) => {
    const usersPerDay = number(args["users-per-day"], "users-per-day");
    if (usersPerDay <= 0) throw new UsageError("--users-per-day must be more than 0");
    const holdoutUsersPerDay = number(args["holdout-users-per-day"], "holdout-users-per-day");
    if (holdoutUsersPerDay < 0) throw new UsageError("--holdout-users-per-day must not be less than 0");
    const parsed = Rule.safeParse({
      featureId: "planned",
      activationThreshold: number(args.activation, "activation"),
      retentionThreshold: number(args.retention, "retention"),
      latencyP95Threshold: 1_000,
      minCohortSize: number(args["min-cohort"], "min-cohort"),
      evaluationWindowSeconds: number(args["window-seconds"], "window-seconds"),
      falseRollbackRate: number(args.alpha, "alpha"),
      ...(args.compare === undefined
        ? {}
        : { compare: { activation: args.compare, retention: args.compare } }),
    });
    if (!parsed.success)
      throw new UsageError(
        parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; "),
      );
    const plan = forecastRule(parsed.data, { usersPerDay, holdoutUsersPerDay });
    process.stdout.write(`${args.json ? JSON.stringify(plan) : forecastText(plan)}\n`);
  },
});
