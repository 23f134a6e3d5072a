import { showsUtc } from "./time.tsx";

const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;

/** All times in the reader's zone, or all in UTC: for whoever cannot hover, and for whoever compares with logs. */
export const ZoneChoice = () => (
  <button
    type="button"
    class="link"
    aria-pressed={showsUtc.value}
    title={`Times are shown in ${showsUtc.value ? "UTC" : zone}`}
    onClick={() => {
      showsUtc.value = !showsUtc.value;
    }}
  >
    Times in UTC
  </button>
);
