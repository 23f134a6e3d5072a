// Text of an alert as a reason, an audit entry or a line of a log may have it. Whoever wrote it is not trusted.

/** Control characters, halves of surrogate pairs, and what reorders or hides text (bidirectional marks, zero-width characters). */
const UNWANTED =
  // oxlint-disable-next-line no-control-regex -- control characters are what this removes
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\p{Surrogate}/gu;

/** On one line and without characters that cannot be seen; cut after `most` code points. */
export const cleanText = (text: string, most: number): string => {
  // A text of a megabyte is not looked through to its end for its first thousand characters.
  const points = Array.from(
    text
      .slice(0, most * 8)
      .replaceAll(UNWANTED, " ")
      .replaceAll(/\s+/g, " ")
      .trim(),
  );
  return points.length <= most ? points.join("") : `${points.slice(0, most - 1).join("")}…`;
};
