import { expect, test } from "vitest";
import { readableLine } from "../../scripts/local-stack/log-line.ts";

test.each([
  [
    '{"level":40,"time":"2026-11-25T19:26:25.823Z","featureId":"feat_a","awaySeconds":107.8,"msg":"ingest was down"}',
    "19:26:25 warning: ingest was down (featureId=feat_a, awaySeconds=107.8)",
  ],
  [
    '{"level":50,"time":"2026-11-25T19:26:25.823Z","err":{"type":"Error","message":"no route","stack":"Error: …"},"msg":"push failed"}',
    "19:26:25 error: push failed (no route)",
  ],
  ['{"level":30,"time":"2026-11-25T19:26:25.823Z","msg":"stopping"}', "19:26:25 info: stopping"],
])("a line of the log is one that a person reads: %s", (line, text) => {
  expect(readableLine(line)).toBe(text);
});

test.each(["origin ended (SIGKILL), starting it again", '{"revision":3}', "{", "12"])(
  "a line that is not of the log stays as it is: %s",
  (line) => {
    expect(readableLine(line)).toBe(line);
  },
);
