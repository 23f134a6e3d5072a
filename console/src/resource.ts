// Something that is asked of the API, kept while it is asked again, and asked again when something changes.
import { useEffect, useState } from "preact/hooks";
import { failureOf, signIn, type Failure } from "./api.ts";
import { listen, silentSinceMs, type Live } from "./live.ts";

export type Resource<T> = {
  /** What was answered last, old or not; undefined: nothing yet. */
  readonly data: T | undefined;
  readonly failure: Failure | null;
  readonly reload: () => void;
};

type Options = {
  /** Whether an event changes what was asked. */
  readonly changes?: (event: Live) => boolean;
  /** Asked again after so long in any case. */
  readonly everyMs?: number;
};

/** The first event is a reason to ask at once. Several within this time are one more. */
const TOGETHER_MS = 250;

/** `key`: what is asked for; with another key what was answered before is forgotten. */
export const useResource = <T>(
  key: string,
  ask: () => Promise<T>,
  { changes = () => false, everyMs = 30_000 }: Options = {},
): Resource<T> => {
  const [state, setState] = useState<{ key: string; data: T | undefined; failure: Failure | null }>({
    key,
    data: undefined,
    failure: null,
  });
  const [count, setCount] = useState(0);
  const reload = (): void => setCount((before) => before + 1);

  useEffect(() => {
    let isOver = false;
    const load = async (): Promise<void> => {
      try {
        const data = await ask();
        if (!isOver) setState({ key, data, failure: null });
      } catch (error) {
        const failure = failureOf(error);
        if (failure.status === 401) signIn();
        if (!isOver)
          setState((before) => ({ key, data: before.key === key ? before.data : undefined, failure }));
      }
    };
    void load();
    return () => {
      isOver = true;
    };
  }, [key, count]);

  useEffect(() => {
    let due: ReturnType<typeof setTimeout> | undefined;
    let askedAt = -Infinity;
    const soon = (): void => {
      const waitMs = Math.max(0, askedAt + TOGETHER_MS - performance.now());
      due ??= setTimeout(() => {
        due = undefined;
        askedAt = performance.now();
        reload();
      }, waitMs);
    };
    const end = listen((event) => {
      if (changes(event)) soon();
    });
    const timer = setInterval(soon, everyMs);
    // What happened while nothing was heard is made up for at once.
    let wasSilent = false;
    const endSilence = silentSinceMs.subscribe((since) => {
      if (wasSilent && since === null) soon();
      wasSilent = since !== null;
    });
    return () => {
      end();
      endSilence();
      clearInterval(timer);
      clearTimeout(due);
    };
  }, [key]);

  return { data: state.key === key ? state.data : undefined, failure: state.failure, reload };
};
