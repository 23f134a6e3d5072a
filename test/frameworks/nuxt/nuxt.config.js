export default defineNuxtConfig({
  compatibilityDate: "2026-11-01",
  telemetry: false,
  vue: { compilerOptions: { isCustomElement: (tag) => tag === "sluice-feature" } },
  app: { head: { script: [{ src: "/.sluice/elements.js", defer: true, tagPriority: "critical" }] } },
});
