// The look of pages that stand on their own, beside the console: the edge's and those of signing in. The colours are those of
// console/src/style.css (test/docs/page-look.test.ts holds them together).

export const PAGE_LOOK = `:root {
  color-scheme: light dark;
  --page: light-dark(#f6f7f7, #101413);
  --surface: light-dark(#ffffff, #181e1d);
  --line: light-dark(#dfe4e3, #2b3432);
  --text: light-dark(#17201f, #e6eceb);
  --muted: light-dark(#5a6866, #93a3a0);
  --accent: light-dark(#0f6b5c, #4fc3ac);
  --on-accent: light-dark(#ffffff, #06231d);
  --good: light-dark(#17703c, #5fce8d);
  --good-soft: light-dark(#e2f3e8, #16301f);
  --bad: light-dark(#b3261e, #ff8a80);
  --bad-soft: light-dark(#fbe7e5, #3a1a18);
  --warn: light-dark(#8a5a00, #f0b95a);
  --warn-soft: light-dark(#fbf0d9, #33270f);
  --off-soft: light-dark(#eceff0, #252c2b);
  font: 15px/1.5 system-ui, sans-serif;
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--text); }
h1 { font-size: 1.4rem; line-height: 1.25; margin: 0 0 1rem; }
h2 { font-size: 1.05rem; margin: 2rem 0 .75rem; }
p { margin: 0 0 .5rem; }
a { color: var(--accent); }
code { font: .9em ui-monospace, monospace; overflow-wrap: anywhere; }
small, dt { color: var(--muted); font-size: .88rem; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.brand { font-weight: 650; color: var(--muted); margin: 0 0 .5rem; }
.card { background: var(--surface); border: 1px solid var(--line); border-radius: 8px; padding: 1rem 1.25rem; }
.notice { background: var(--warn-soft); color: var(--warn); border-radius: 8px; padding: .5rem .75rem; margin: 0 0 1rem; }
.notice.bad { background: var(--bad-soft); color: var(--bad); }
.notice a { color: inherit; }
.badge { display: inline-block; padding: .1rem .6rem; border-radius: 99px; font-size: .85rem; font-weight: 600; white-space: nowrap; background: var(--off-soft); color: var(--muted); }
.badge.good { background: var(--good-soft); color: var(--good); }
.badge.warn { background: var(--warn-soft); color: var(--warn); }
input, button, .button { font: inherit; color: inherit; background: var(--surface); border: 1px solid var(--line); border-radius: 8px; padding: .5rem .75rem; }
button, .button { cursor: pointer; text-align: center; text-decoration: none; }
`;
