/** Why a body is no export request. Thrown inside a reader of bodies, which catches it: nothing else may throw there. */
export class MalformedError extends Error {}

/** Runs a reader; returns why the body is malformed, or null. */
export const whyMalformed = (read: () => void): string | null => {
  try {
    read();
    return null;
  } catch (error) {
    if (error instanceof MalformedError) return error.message;
    throw error;
  }
};
