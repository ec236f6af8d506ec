// On every page: times in the reader's zone, the zone named; the span of the need that a requirement is from; long
// lists to choose from narrow while one types.
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

  // What is chosen stays in sight. Enter asks the server, which knows more companies than the page shows.
  function narrow(field) {
    const words = field.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
    let found = 0;
    for (const one of document.querySelectorAll("#" + field.dataset.narrows + " .choice")) {
      const text = one.textContent.toLocaleLowerCase();
      const fits = words.every((word) => text.includes(word));
      found += fits ? 1 : 0;
      one.hidden = !fits && !one.querySelector(":checked");
    }
    document.getElementById(field.getAttribute("aria-describedby")).textContent =
      found + " on this page" + (words.length ? "; press Enter to find more" : "");
  }

  for (const field of document.querySelectorAll("[data-narrows]")) {
    field.addEventListener("input", () => narrow(field));
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      field.form.querySelector("button[value=find]").click();
    });
  }

  localise(document);
  document.addEventListener("htmx:load", (event) => localise(event.detail.elt));
  for (const [name, lit] of [["mouseover", true], ["mouseout", false], ["focusin", true], ["focusout", false]]) {
    document.addEventListener(name, (event) => light(event, lit));
  }
})();
