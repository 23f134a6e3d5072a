import { expect, test } from "vitest";
import { z } from "zod";
import { listeningPort, parseVariables } from "../../shared/variables.ts";

const isTaken = (port: number): boolean =>
  parseVariables(z.object({ ORIGIN_PORT: listeningPort(8080) }), { ORIGIN_PORT: String(port) }).ok;

test("every port that is refused is one that fetch does not connect to, as 10080; the usual ones are taken", async () => {
  const refused = Array.from({ length: 65_535 }, (_, i) => i + 1).filter((port) => !isTaken(port));
  const reasons = await Promise.all(
    refused.map((port) =>
      fetch(`http://127.0.0.1:${port}`).then(
        () => "answered",
        (error: unknown) => String(error instanceof Error ? error.cause : error),
      ),
    ),
  );
  expect(new Set(reasons)).toEqual(new Set(["Error: bad port"]));
  expect(refused).toContain(10_080);
  expect(refused).toHaveLength(82);
  expect([80, 443, 3000, 8080, 8787, 8788, 65_535].every(isTaken)).toBe(true);
});
