// In which views each page of the console has its picture.

export const VIEWS = [
  { suffix: "", viewport: { width: 1_280, height: 800 }, colorScheme: "light" },
  { suffix: "-dark", viewport: { width: 1_280, height: 800 }, colorScheme: "dark" },
  { suffix: "-phone", viewport: { width: 375, height: 812 }, colorScheme: "light" },
  { suffix: "-phone-dark", viewport: { width: 375, height: 812 }, colorScheme: "dark" },
] as const;
export type View = (typeof VIEWS)[number];
