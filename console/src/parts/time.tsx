import { computed, signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { formatAgo, formatTime, formatUtc } from "../format.ts";

/** The clock by which ages are shown. */
export const nowMs = signal(Date.now());
setInterval(() => {
  nowMs.value = Date.now();
}, 1_000);

/** Every time is shown as UTC, and none as an age. */
export const showsUtc = signal(false);

/** A point in time, in the reader's zone and with UTC on hover. Its text alone changes, and only when it reads otherwise. */
export const Time = ({ at, ago = false }: { at: string; ago?: boolean | "narrow" }) => {
  const text = useMemo(
    () =>
      computed(() =>
        showsUtc.value
          ? formatUtc(at)
          : ago === false
            ? formatTime(at)
            : formatAgo(at, nowMs.value, ago === true ? "long" : ago),
      ),
    [at, ago],
  );
  return (
    <time dateTime={at} title={ago !== false ? `${formatTime(at)} (${formatUtc(at)})` : formatUtc(at)}>
      {text}
    </time>
  );
};
