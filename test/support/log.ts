// A logger that keeps what it was told.
export const makeTestLog = () => {
  const lines: { level: "debug" | "info" | "warn" | "error"; facts: object; message: string }[] = [];
  const at =
    (level: "debug" | "info" | "warn" | "error") =>
    (facts: object, message: string): void => {
      lines.push({ level, facts, message });
    };
  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
};
