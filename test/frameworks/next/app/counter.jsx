"use client";
import { useState } from "react";

/** Counts only once the page is hydrated. */
export function Counter({ children }) {
  const [count, setCount] = useState(0);
  return (
    <button type="button" onClick={() => setCount(count + 1)}>
      {children} {count}
    </button>
  );
}
