// A value that most requests have in memory and some have to wait for. A promise costs a request about 1 µs in workerd,
// so the many requests do not make one.

export type Ready<T> = T | Promise<T>;

/** `next` with the value, at once when it is there. */
export const whenReady = <T, U>(value: Ready<T>, then: (value: T) => Ready<U>): Ready<U> =>
  value instanceof Promise ? value.then(then) : then(value);
