// `/.sluice/elements.js`: the custom element `<sluice-feature>` for pages whose DOM belongs to a framework. The gate writes
// `state` and `hidden` into the page, and a framework that hydrates the page looks at neither. The script keeps them where
// the framework makes an element anew, asks again when the page changes without a request, and hears of changes for `live`.
// It has no dependency, writes no style and no markup, and evaluates nothing, so a Content-Security-Policy needs nothing
// for it but `script-src` and `connect-src` of the site itself.

/** After so long without a stream, elements of features with `failureMode: "closed"` close. */
const LOST_MS = 3_000;
/** A stream that the edge refused is asked for again after so long. */
const AGAIN_MS = 30_000;

export const ELEMENTS_SCRIPT = `(() => {
  const elements = new Set();
  let path = location.pathname;
  let told = null; // what the edge has told of this path by itself; null: nothing
  let isFirst = true; // the page came by a request, so the gate has written what it knows
  let askedPath = null;
  let asks = 0;
  let answered = 0;
  let isDue = false;
  let isLost = false;
  let stream = null;
  let timer = 0;

  const show = (element) => {
    const isOpen = told === null ? element.getAttribute("state") : told[element.getAttribute("name")]?.open ? "open" : "closed";
    if (isOpen === null) return;
    const hidden = (isOpen === "open") === element.hasAttribute("otherwise");
    if (element.getAttribute("state") !== isOpen) element.setAttribute("state", isOpen);
    if (element.hidden !== hidden) element.hidden = hidden;
  };
  const showAll = () => elements.forEach(show);

  const ask = async (etag = "") => {
    const asked = (askedPath = path);
    const mine = ++asks;
    try {
      const response = await fetch("/.sluice/elements?path=" + encodeURIComponent(asked) + "&etag=" + etag);
      const answer = await response.json();
      if (!response.ok) throw answer;
      if (asked !== path || mine < answered) return true;
      answered = mine;
      told = answer.elements;
      isLost = false;
      showAll();
    } catch {
      if (mine === asks) askedPath = null; // elements stay as they are until something asks again
      return false;
    }
    return true;
  };

  const lose = async () => {
    timer = 0;
    isLost = !(await ask()); // the edge may be there and have no stream to spare
    if (isLost) {
      for (const feature of Object.values(told ?? {})) if (feature.failureMode === "closed") feature.open = false;
      showAll();
    }
    if (stream?.readyState === EventSource.CLOSED) timer = setTimeout(reopen, ${AGAIN_MS});
  };
  const close = () => {
    clearTimeout(timer);
    timer = 0;
    stream?.close();
    stream = null;
  };
  const reopen = () => {
    close();
    look();
  };
  const open = () => {
    stream = new EventSource("/.sluice/ofrep/stream");
    stream.onmessage = ({ data }) => ask(JSON.parse(data).etag);
    stream.onopen = () => {
      clearTimeout(timer);
      timer = 0;
      if (isLost) ask();
    };
    stream.onerror = () => (timer ||= setTimeout(lose, ${LOST_MS}));
  };

  const look = () => {
    isDue = false;
    if (location.pathname !== path) {
      path = location.pathname;
      told = null;
      isFirst = false;
    }
    const isWanting = (element) => !isFirst || !element.hasAttribute("state");
    if (told === null && askedPath !== path && [...elements].some(isWanting)) ask();
    const isLive = !document.hidden && [...elements].some((element) => element.hasAttribute("live"));
    if (isLive && stream === null) open();
    else if (!isLive && stream !== null) close();
  };
  /** A framework changes the address and the page in one task, in either order. */
  const lookSoon = () => {
    if (!isDue) queueMicrotask(look);
    isDue = true;
  };

  customElements.define(
    "sluice-feature",
    class extends HTMLElement {
      static observedAttributes = ["hidden", "name", "otherwise"];
      attributeChangedCallback() {
        show(this);
      }
      connectedCallback() {
        elements.add(this);
        show(this);
        lookSoon();
      }
      disconnectedCallback() {
        elements.delete(this);
        lookSoon();
      }
    },
  );
  addEventListener("popstate", lookSoon);
  document.addEventListener("visibilitychange", lookSoon);
  globalThis.navigation?.addEventListener("currententrychange", lookSoon);
})();
`;
