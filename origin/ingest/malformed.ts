// How a reader of bodies gives up from the depth of a message.

/** Why a body is no export request. Thrown and caught inside a reader: no other error may be thrown there. */
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
