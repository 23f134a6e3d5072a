import { useState } from "preact/hooks";

/** Copies a text, and says whether the browser let it. */
export const Copy = ({ text, name = "Copy" }: { text: string | (() => Promise<string>); name?: string }) => {
  const [said, setSaid] = useState("");
  const copy = async (): Promise<void> => {
    try {
      await navigator.clipboard.writeText(typeof text === "string" ? text : await text());
      setSaid("Copied");
    } catch {
      setSaid("The browser did not let it be copied: mark the text and copy it yourself.");
    }
  };
  return (
    <>
      <button type="button" onClick={() => void copy()}>
        {name}
      </button>{" "}
      <span aria-live="polite">{said}</span>
    </>
  );
};
