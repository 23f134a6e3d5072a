/** Whether a change was not made but waits for a second person. */
export const isWaiting = (answer: unknown): boolean =>
  typeof answer === "object" && answer !== null && "approvalId" in answer;

export const Waits = () => (
  <p class="notice warn" role="status">
    The change waits for a second person: <a href="/approvals">Approvals</a>.
  </p>
);
