// On every page: times in the reader's zone, the zone named; the span of the need that a requirement is from.
"use strict";

(function () {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const clock = new Intl.DateTimeFormat("en-GB", {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
  });
  const exact = new Intl.DateTimeFormat("en-GB", {
    day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit",
    timeZoneName: "short",
  });
  const DAY = 86400000;

  function left(element) {
    if (Date.now() >= Date.parse(element.dataset.closes)) return "closed";
    const [year, month, day] = element.dataset.left.split("-").map(Number);
    const now = new Date();
    const days = Math.round(
      (Date.UTC(year, month - 1, day) - Date.UTC(now.getFullYear(), now.getMonth(), now.getDate())) / DAY);
    return days <= 0 ? "last day" : days === 1 ? "1 day left" : days.toLocaleString("en-GB") + " days left";
  }

  function localise(root) {
    for (const one of root.querySelectorAll("time[data-instant]")) {
      one.textContent = (one.dataset.instant === "second" ? exact : clock).format(new Date(one.dateTime));
      one.title = zone + "; " + one.dateTime;
      delete one.dataset.instant;
    }
    for (const one of root.querySelectorAll("[data-left]")) one.textContent = left(one);
  }

  // The stretches of the need that a requirement was cut from light up while it is pointed at or focused.
  function light(event, lit) {
    const part = event.target instanceof Element ? event.target.closest("[data-source]") : null;
    if (!part) return;
    for (const one of document.querySelectorAll("[data-from]")) {
      one.classList.toggle("lit", lit && one.dataset.from.split(" ").includes(part.dataset.source));
    }
  }

  localise(document);
  document.addEventListener("htmx:load", (event) => localise(event.detail.elt));
  for (const [name, lit] of [["mouseover", true], ["mouseout", false], ["focusin", true], ["focusout", false]]) {
    document.addEventListener(name, (event) => light(event, lit));
  }
})();
