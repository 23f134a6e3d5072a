// Plans and calibrations as text for a terminal.
import type { SignalPlan } from "../decide/plan-rule.ts";
import { duration, odds } from "../decide/reason.ts";
import type { Replay } from "../decide/replay.ts";
import type { Calibration } from "./calibrate.ts";

const percent = (rate: number): string => `${Number((rate * 100).toPrecision(3))} %`;
const count = (value: number): string => value.toLocaleString("en-US");

const table = (rows: readonly (readonly string[])[]): string =>
  rows
    .map((row) => `  ${row.map((cell, column) => cell.padEnd(column === 0 ? 12 : 18)).join("")}`.trimEnd())
    .join("\n");

export const planText = (plans: readonly SignalPlan[]): string =>
  plans
    .map(({ signal, threshold, windowSeconds, bar, rollback, keep, smallestDetectable }) =>
      [
        `${signal}: at least ${percent(threshold)} within ${duration(windowSeconds)}; a rollback needs evidence of ${count(Math.round(bar))} : 1`,
        table([
          ["true rate", "mature users", "time from launch", ""],
          ...[...rollback, ...keep].map(({ ratio, rate, users, seconds, withinDeadline }) => [
            percent(rate),
            users === null ? "-" : count(users),
            seconds === null ? "-" : duration(seconds),
            `${ratio < 1 ? "rolled back" : "kept"}${withinDeadline ? "" : ", after the deadline"}`,
          ]),
        ]),
        smallestDetectable === null
          ? "  nothing matures before the deadline"
          : `  before the deadline a rate of ${percent(smallestDetectable)} or less is rolled back`,
      ].join("\n"),
    )
    .join("\n\n");

const when = (event: Replay["rolledBack"]): string =>
  event === null
    ? "no"
    : `${new Date(event.at * 1_000).toISOString().slice(0, 16)}Z, ${count(event.n)} users`;

export const calibrationText = ({ featureId, epoch, mode, signals }: Calibration): string =>
  [
    `${featureId}, epoch ${epoch}, ${mode} mode; every threshold replayed on what has matured so far`,
    ...signals.map(({ signal, mature, current, others, highestQuiet }) =>
      [
        `\n${signal}: ${mature.n === 0 ? "nobody has matured" : `${percent(mature.s / mature.n)} (${count(mature.s)} of ${count(mature.n)} mature users)`}`,
        ...others.map((one) =>
          [
            one.threshold === current.threshold ? "> " : "  ",
            `threshold ${percent(one.threshold)}`.padEnd(20),
            `rolled back: ${when(one.rolledBack)}`.padEnd(46),
            `kept: ${when(one.kept)}`.padEnd(40),
            one.mostLogEvidence === -Infinity ? "" : `most evidence ${odds(one.mostLogEvidence)}`,
          ]
            .join("")
            .trimEnd(),
        ),
        highestQuiet === null
          ? "  it would have been rolled back at every one of them"
          : `  it would not have been rolled back at ${percent(highestQuiet)} or less`,
      ].join("\n"),
    ),
    "\nA threshold chosen on these data needs fresh data: changing the rule starts its evidence from nothing.",
  ].join("\n");
