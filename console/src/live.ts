// What changes, as it happens: one stream of events for the whole console, and whether it is there.
import { signal } from "@preact/signals";
import type { AuditEntry } from "./client.gen.ts";

export type Live =
  | {
      readonly kind: "change";
      readonly change: Pick<AuditEntry, "seq" | "featureId" | "action" | "revision">;
    }
  | { readonly kind: "evaluation"; readonly evaluation: { readonly featureId: string } };

/** null: connected. Otherwise since when nothing is heard, in ms of the clock. */
export const silentSinceMs = signal<number | null>(null);

/** The origin says every 15 s that the stream is alive. */
const SILENT_MS = 40_000;
const AGAIN_MS = 3_000;

type Listener = (event: Live) => void;
const listeners = new Set<Listener>();

/** The returned function ends it. */
export const listen = (listener: Listener): (() => void) => {
  listeners.add(listener);
  return () => listeners.delete(listener);
};

const tell = (event: Live): void => {
  for (const listener of listeners) listener(event);
};

/** Connects, and connects again whenever the stream breaks or falls silent. */
export const startLive = (url: string): void => {
  let source: EventSource | null = null;
  let silence: ReturnType<typeof setTimeout> | undefined;
  const hear = (): void => {
    silentSinceMs.value = null;
    clearTimeout(silence);
    silence = setTimeout(lose, SILENT_MS);
  };
  const lose = (): void => {
    source?.close();
    clearTimeout(silence);
    silentSinceMs.value ??= Date.now();
    silence = setTimeout(open, AGAIN_MS);
  };
  const open = (): void => {
    const opened = new EventSource(url);
    source = opened;
    opened.addEventListener("open", hear);
    opened.addEventListener("alive", hear);
    opened.addEventListener("error", () => {
      silentSinceMs.value ??= Date.now();
      if (opened.readyState === EventSource.CLOSED) lose();
    });
    opened.addEventListener("change", ({ data }: MessageEvent<string>) => {
      hear();
      tell({ kind: "change", change: JSON.parse(data) });
    });
    opened.addEventListener("evaluation", ({ data }: MessageEvent<string>) => {
      hear();
      tell({ kind: "evaluation", evaluation: JSON.parse(data) });
    });
  };
  open();
};
