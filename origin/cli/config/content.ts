// The files that a command is about, read and checked; and what the origin finds wrong in them, by its place in the files.
import { z } from "zod";
import { askFor, askOrigin } from "../ask-origin.ts";
import { ProblemError } from "../errors.ts";
import { say } from "../print.ts";
import {
  errorLine,
  listedIn,
  readConfig,
  type Content,
  type FileError,
  type ReadConfig,
} from "./read-config.ts";
import { readConfigFiles } from "./read-files.ts";
import { Plan } from "./plan-text.ts";

export const fileArgument = {
  type: "string",
  alias: "f",
  required: true,
  valueHint: "PATH",
  description: "a configuration file, or a folder of them",
} as const;

const count = (many: number, word: string): string => `${many} ${word}${many === 1 ? "" : "s"}`;

const refuse = (errors: readonly FileError[], what: string, asJson: boolean): never => {
  if (!asJson) for (const error of errors) say(errorLine(error));
  throw new ProblemError(`${count(errors.length, "error")}: ${what}`, 400, { errors });
};

export type Files = ReadConfig & { readonly content: Content; readonly files: number };

export const readContent = async (path: string, asJson: boolean, what: string): Promise<Files> => {
  const files = await readConfigFiles(path);
  const read = readConfig(files);
  if (read.content === null) return refuse(read.errors, what, asJson);
  return { ...read, content: read.content, files: files.length };
};

const Errors = z.object({ errors: z.array(z.object({ field: z.string(), detail: z.string() })) });

/** The same with the file, line and column of each field that the origin refuses. */
const placed = ({ placeOf, content }: Files, problem: unknown): FileError[] => {
  const { data } = Errors.safeParse(problem);
  return (data?.errors ?? []).map(({ field, detail }) => {
    const listed = listedIn(field);
    const { list, at, rest } = listed ?? { list: "features", at: 0, rest: "" };
    const id =
      (list === "features" ? content.features[at]?.featureId : content.segments?.[at]?.segmentId) ?? "";
    const { file, line, column } = placeOf(list, at, rest);
    return {
      file,
      line,
      column,
      field: listed === null ? field : `${list}.${id}${rest === "" ? "" : `.${rest}`}`,
      message: detail.startsWith(`${id}: `) ? detail.slice(id.length + 2) : detail,
    };
  });
};

export type PlanOptions = {
  readonly origin?: string | undefined;
  readonly releaseRemoved: boolean;
  readonly takeOver: boolean;
  readonly json: boolean;
};

const bodyOf = ({ content }: Files, { releaseRemoved, takeOver }: PlanOptions) => ({
  ...content,
  removed: releaseRemoved ? "release" : "delete",
  takeOver,
});

/** A plan of a thousand features takes its time where the origin is busy. */
const WITHIN_MS = 120_000;

export const askPlan = async (files: Files, options: PlanOptions): Promise<Plan> => {
  const body = bodyOf(files, options);
  try {
    return await askFor(options.origin, { method: "POST", path: "/plan", body, withinMs: WITHIN_MS }, Plan);
  } catch (error) {
    const errors = error instanceof ProblemError && error.status === 400 ? placed(files, error.problem) : [];
    if (errors.length === 0) throw error;
    return refuse(errors, "nothing was planned", options.json);
  }
};

export const AppliedPlan = z.looseObject({
  revision: z.number().nullable(),
  alreadyApplied: z.boolean(),
  features: z.array(z.looseObject({ featureId: z.string() })),
});

const Waiting = z.looseObject({ approvalId: z.string(), tags: z.array(z.string()) });

export const askApply = async (
  files: Files,
  { hash, base, baseSegments }: Plan,
  reason: string | undefined,
  options: PlanOptions,
): Promise<z.infer<typeof AppliedPlan>> => {
  const body = {
    ...bodyOf(files, options),
    hash,
    base,
    ...(baseSegments.length === 0 ? {} : { baseSegments }),
    ...(reason === undefined ? {} : { reason }),
  };
  const response = await askOrigin(options.origin, {
    method: "POST",
    path: "/apply",
    body,
    withinMs: WITHIN_MS,
  });
  const json: unknown = await response.json();
  if (response.status === 202) {
    const { approvalId, tags } = Waiting.parse(json);
    throw new Error(
      `nothing is changed yet: features with the tag ${tags.join(" or ")} need a second person, and the plan waits for them as ${approvalId}`,
    );
  }
  return AppliedPlan.parse(json);
};
