// On pages that fill while one looks: news announce themselves, and nothing jumps; bars open their reasons.
"use strict";

(function () {
  const byId = (id) => document.getElementById(id);
  const isMarket = (event) => event.detail.target && event.detail.target.id === "market"; // not what the stream brings
  const WAIT_MS = 120; // news of one batch come within a few milliseconds; they are told together

  // -- reasons behind a bar ---------------------------------------------------------------------------

  function close(bar) {
    bar.setAttribute("aria-expanded", "false");
    const why = byId(bar.getAttribute("aria-controls"));
    why.replaceChildren();
    why.hidden = true;
  }

  document.addEventListener("htmx:beforeRequest", (event) => {
    const bar = event.detail.elt;
    if (!bar.matches(".bar")) return;
    if (bar.getAttribute("aria-expanded") === "true") {
      event.preventDefault();
      close(bar);
    }
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    const bar = event.detail.requestConfig && event.detail.requestConfig.elt;
    if (!bar || !bar.matches(".bar")) return;
    for (const other of bar.closest(".bars").querySelectorAll("[aria-expanded=true]")) {
      other.setAttribute("aria-expanded", "false");
    }
    bar.setAttribute("aria-expanded", "true");
    event.detail.target.hidden = false;
  });

  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const within = document.activeElement && document.activeElement.closest(".suggestion");
    const bar = within && within.querySelector(".bar[aria-expanded=true]");
    if (bar) {
      close(bar);
      bar.focus();
    }
  });

  // -- the stream ------------------------------------------------------------------------------------

  // An EventSource that rests while the page is hidden, because browsers open six connections to a server
  // and no more, and goes on behind the last event that it has seen.
  let seen = "";
  let running = null;

  class Stream extends EventTarget {
    constructor(url) {
      super();
      if (running) running.close();
      running = this;
      this.url = new URL(url, location.href);
      this.readyState = EventSource.CONNECTING;
      this.turn = () => (document.hidden ? this.rest() : this.open());
      document.addEventListener("visibilitychange", this.turn);
      this.open();
    }

    open() {
      if (this.source || document.hidden) return;
      if (seen) this.url.searchParams.set("after", seen);
      const source = this.source = new EventSource(this.url);
      const tell = (handler) => (event) => {
        this.readyState = source.readyState;
        if (handler() && this.source === source) handler()(event);
      };
      source.onopen = tell(() => this.onopen);
      source.onerror = tell(() => this.onerror);
      for (const name of ["opened", "news"]) {
        source.addEventListener(name, (event) => {
          seen = event.lastEventId;
          this.dispatchEvent(new MessageEvent(name, { data: event.data, lastEventId: event.lastEventId }));
        });
      }
    }

    rest() {
      if (this.source) this.source.close();
      this.source = null;
    }

    close() {
      document.removeEventListener("visibilitychange", this.turn);
      this.rest();
      this.readyState = EventSource.CLOSED;
    }
  }

  htmx.createEventSource = (url) => new Stream(url);

  // -- news -------------------------------------------------------------------------------------------

  let timer = 0;
  let asked = false; // the reader wants to see them
  let taken = []; // arrivals that the request under way will show
  let open = []; // bars whose reasons are open meanwhile

  function told(arrivals) {
    const kinds = new Map();
    for (const one of arrivals) {
      const { match, kind } = one.dataset;
      if (match && !isShown(one)) kinds.set(match, kind === "changed" && kinds.get(match) === "new" ? "new" : kind);
    }
    return [...kinds.values()];
  }

  // A page and its stream overlap by a moment: what the page shows already is no news.
  function isShown(arrival) {
    const { match, kind, at } = arrival.dataset;
    const places = [byId(match), kind === "answered" ? byId("answer-" + match) : null]; // one's own answer
    return places.some((there) => there !== null && Date.parse(there.dataset.at) >= Date.parse(at));
  }

  function tell() {
    timer = 0;
    offer("teams", "teams-changed", "#teams .team");
    offer("dialogue", "dialogue-changed", "#newest li");
    const arrivals = [...byId("arrivals").children];
    const kinds = told(arrivals);
    const has = (kind) => arrivals.some((one) => one.dataset.kind === kind);
    if (has("amended")) { // what is on the page is of an older version: there is nothing to add to it
      byId("amended").hidden = false;
      byId("fresh").hidden = true;
      byId("said").textContent = byId("amended").textContent;
      return;
    }
    const isEmpty = !document.querySelector("#market .suggestion");
    const isBusy = document.querySelector("#market .busy") !== null;
    if ((isEmpty && (kinds.length || has("settled"))) || (isBusy && has("settled") && !kinds.length)) {
      htmx.trigger(byId("fresh"), "click"); // nothing is there yet that could jump
    } else if (kinds.length) {
      const count = (kind) => kinds.filter((each) => each === kind).length;
      const said = ["new", "changed", "gone", "answered"].filter(count).map((kind) => count(kind) + " " + kind).join(", ");
      const fresh = byId("fresh");
      fresh.textContent = said;
      fresh.hidden = false;
      byId("said").textContent = said;
    }
  }

  // Consortia and answers stand apart from the suggestions: where none is shown yet nothing can jump, else they are
  // offered, and taken by the button.
  function offer(kind, button, shown) {
    const arrived = [...byId("arrivals").children].filter((one) => one.dataset.kind === kind);
    for (const one of arrived) one.remove();
    const more = byId(button);
    if (!arrived.length || !more) return;
    if (document.querySelector(shown)) more.hidden = false;
    else htmx.trigger(more, "click");
  }

  document.addEventListener("htmx:afterRequest", (event) => {
    if (["teams-changed", "dialogue-changed"].includes(event.detail.elt.id)) event.detail.elt.hidden = true;
  });

  document.addEventListener("htmx:sseMessage", () => {
    if (!timer) timer = window.setTimeout(tell, WAIT_MS);
  });

  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.elt.id !== "fresh") return;
    asked = !event.detail.elt.hidden;
    taken = [...byId("arrivals").children];
    open = [...document.querySelectorAll("#market .bar[aria-expanded=true]")].map((bar) => bar.id);
  });

  document.addEventListener("htmx:afterSettle", (event) => {
    if (!isMarket(event)) return;
    for (const one of taken) one.remove();
    byId("fresh").hidden = true;
    const line = document.querySelector("#market .line");
    byId("said").textContent = line ? line.textContent : "";
    for (const id of open) if (byId(id)) htmx.trigger(byId(id), "click");
    if (asked && byId("list")) byId("list").focus({ preventScroll: true });
    tell();
  });

  // -- what went wrong --------------------------------------------------------------------------------

  document.addEventListener("htmx:responseError", (event) => {
    let detail = "This did not work. Load the page again.";
    try {
      detail = JSON.parse(event.detail.xhr.responseText).detail || detail;
    } catch { /* not one of our answers: a proxy's page */ }
    byId("said").textContent = detail;
  });
})();
