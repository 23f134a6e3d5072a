// Asks an edge of an older version what it has closed. It does not answer that to a push, and shows it to anybody who asks
// why a feature is on or off: `GET /.sluice/explain`.
import { z } from "zod";
import type { Witnessed } from "../../features/prepare-recovery.ts";
import { FeatureId, Revision } from "../../../shared/ids.ts";

const TIMEOUT_MS = 5_000;
const MAX_BYTES = 16 * 1024 * 1024;

const Explained = z.object({
  revision: Revision,
  features: z.array(z.object({ featureId: FeatureId, state: z.string() })).max(50_000),
});

const readText = async (answer: Response): Promise<string> => {
  let text = "";
  const decoder = new TextDecoder();
  for await (const chunk of answer.body ?? []) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > MAX_BYTES) throw new Error(`its answer has more than ${MAX_BYTES} characters`);
  }
  return text;
};

/**
 * What the edge has closed at `revision` or a later one, and what it has open. Throws when it does not tell: whoever sends it
 * everything then might open what it has closed.
 */
export const readOlderEdge = async (url: string, revision: Revision): Promise<readonly Witnessed[]> => {
  const answer = await fetch(new URL("/.sluice/explain", url), {
    redirect: "error",
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!answer.ok) {
    await answer.body?.cancel();
    throw new Error(`HTTP ${answer.status}`);
  }
  const explained = Explained.parse(JSON.parse(await readText(answer)));
  if (explained.revision < revision)
    throw new Error(`it explains revision ${explained.revision}, and its hub has ${revision}`);
  return explained.features.map(({ featureId, state }) => ({
    featureId,
    closed: state === "closed",
    epoch: null,
  }));
};
