// Finds which of many make work fail together, by halves: one among a thousand takes eleven tries.

/** `failing` resolves to the error with which the work for these items fails, null when it succeeds. */
export const findPoison = async <T>(
  items: readonly T[],
  failing: (items: readonly T[]) => Promise<unknown>,
): Promise<{ readonly item: T; readonly error: unknown }[]> => {
  const [first] = items;
  if (first === undefined) return [];
  const error = await failing(items);
  if (error === null) return [];
  if (items.length === 1) return [{ item: first, error }];
  const half = Math.ceil(items.length / 2);
  return [
    ...(await findPoison(items.slice(0, half), failing)),
    ...(await findPoison(items.slice(half), failing)),
  ];
};
