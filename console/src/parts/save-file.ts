/** Saves a text that was made in the browser as a file. */
export const saveText = (name: string, type: string, text: string): void => {
  const url = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.download = name;
  link.href = url;
  link.click();
  // The browser has taken it long before.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
};
