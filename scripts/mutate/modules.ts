// The pure modules: those whose tests need no database, no browser and no Worker.
import { globSync } from "node:fs";

const PURE_MODULES = [
  "shared/**/*.ts",
  "origin/decide/**/*.ts",
  "origin/features/{check-feature,new-feature,prepare-change,prepare-recovery,prepare-rollback}.ts",
  "origin/ingest/{classify,span-batch}.ts",
  "origin/aggregate/{outcome-windows,pacing}.ts",
  "origin/aggregate/units/unit.ts",
  "origin/aggregate/weights/**/*.ts",
  "origin/runtime/backoff.ts",
];

/** Paths from the project's folder; all, or those that begin with one of `wanted`. */
export const findModules = (wanted: readonly string[]): string[] => {
  const all = globSync(PURE_MODULES).toSorted();
  return wanted.length === 0 ? all : all.filter((path) => wanted.some((prefix) => path.startsWith(prefix)));
};
