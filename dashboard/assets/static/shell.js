// What works on every page without the server: theme button, copying, local times, taking along; keys.js has the shortcuts.
(() => {
  const $ = (selector, within = document) => within.querySelector(selector);
  const $$ = (selector, within = document) => [...within.querySelectorAll(selector)];
  const TICK_MS = 5000;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");

  // -- theme ---------------------------------------------------------------------------------------------------
  const themeButton = $("#theme");
  const showTheme = () => {
    const choice = document.documentElement.dataset.themeChoice;
    themeButton.title = `Theme: ${choice} (t)`;
    themeButton.setAttribute("aria-label", `Theme: ${choice}. Change it`);
  };
  themeButton.addEventListener("click", () => window.nexusTheme.cycle());
  document.addEventListener("nexus:theme", showTheme);
  showTheme();

  // -- times -----------------------------------------------------------------------------------------------------
  const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const full = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "long", hourCycle: "h23" });
  const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];

  function ago(seconds) {
    if (seconds < 3) return "just now";
    const [size, unit] = units.find(([size]) => seconds >= size);
    return `${Math.floor(seconds / size)} ${unit} ago`;
  }

  function elapsed(seconds) {
    if (seconds < 60) return `${Math.max(0, Math.floor(seconds))} s`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} m ${String(Math.floor(seconds % 60)).padStart(2, "0")} s`;
    return `${Math.floor(seconds / 3600)} h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, "0")} m`;
  }

  function until(seconds) {
    const minutes = Math.floor(seconds / 60);
    const hours = Math.floor(minutes / 60);
    if (seconds <= 0) return "now";
    if (minutes < 1) return "in <1 min";
    if (hours < 1) return `in ${minutes} min`;
    return hours < 24 ? `in ${hours} h ${String(minutes % 60).padStart(2, "0")} m` : `in ${Math.floor(hours / 24)} d ${hours % 24} h`;
  }

  function set(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  // What is looked at as of an earlier moment has run until then.
  function shownMoment() {
    const past = $("[data-as-of]");
    return past ? Date.parse(past.dataset.asOf) : Date.now();
  }

  function showTimes(within = document) {
    for (const element of $$("time[datetime]", within)) {
      const moment = new Date(element.dateTime);
      if (Number.isNaN(moment.getTime())) continue;
      const seconds = (Date.now() - moment.getTime()) / 1000;
      if (!element.title) element.title = full.format(moment);
      if (element.dataset.show === "ago" && seconds < 604800) set(element, ago(seconds));
      if (element.dataset.show === "clock") set(element, clock.format(moment));
      if (element.dataset.show === "full") set(element, full.format(moment));
      if (element.dataset.show === "elapsed") set(element, elapsed((shownMoment() - moment.getTime()) / 1000));
      if (element.dataset.show === "until") set(element, until(-seconds));
    }
  }
  setInterval(() => document.hidden || showTimes(), TICK_MS);
  setInterval(() => document.hidden || $$('time[data-show="elapsed"]').forEach((one) => showTimes(one.parentNode)), 1000);
  document.addEventListener("nexus:patched", (event) => showTimes(event.detail ?? document));
  showTimes();

  // -- what scrolls can be scrolled with the keyboard --------------------------------------------------------------------
  function makeScrollable(within = document) {
    const scrolls = (box) => box.scrollWidth > box.clientWidth || box.scrollHeight > box.clientHeight;
    // All are measured before any is changed: else the page is laid out once for each of them.
    for (const box of $$("pre", within).filter((one) => one.tabIndex < 0 && scrolls(one))) box.tabIndex = 0;
  }
  // To measure is to lay out what was just put in; what is new is painted first.
  const behindPaint = (work) => requestAnimationFrame(() => setTimeout(work));
  document.addEventListener("nexus:patched", ({ detail }) => behindPaint(() => makeScrollable(detail ?? document)));
  document.addEventListener("toggle", (event) => makeScrollable(event.target), true);
  makeScrollable();

  // -- toasts ----------------------------------------------------------------------------------------------------
  function toast(text, tone = "plain") {
    const note = document.createElement("div");
    note.className = `toast toast-${tone}`;
    note.textContent = text;
    $("#toasts").append(note);
    setTimeout(() => note.remove(), 4000);
  }
  document.addEventListener("nexus:toast", (event) => toast(event.detail.text, event.detail.tone));

  // -- copying ---------------------------------------------------------------------------------------------------
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    event.preventDefault();
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      toast(button.dataset.copied ?? "Copied");
    } catch {
      toast("The browser does not let this page copy; select the text instead.", "bad");
    }
  });

  // -- an exchange is picked in the tree from outside of it -----------------------------------------------------------
  document.addEventListener("click", (event) => {
    const pick = event.target.closest("[data-pick]");
    if (pick) document.dispatchEvent(new CustomEvent("nexus:select", { detail: pick.dataset.pick }));
  });

  // -- usage is told by the reader's own days, unless the address names a zone -----------------------------------------------
  if (document.body.dataset.page === "usage" && !new URLSearchParams(location.search).has("tz")) {
    const asked = new URLSearchParams(location.search);
    asked.set("tz", Intl.DateTimeFormat().resolvedOptions().timeZone || "UTC");
    history.replaceState(null, "", `?${asked}`);
  }

  // -- what is shown can be taken along ------------------------------------------------------------------------------------
  function save(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  // A spreadsheet must not take a name from the wire for a formula.
  function csvCell(text) {
    const safe = /^[=+\-@\t\r]/.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;
    return /[",\n\r]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
  }

  function csvOf(table) {
    const lines = [...table.rows].map((row) => [...row.cells].map((cell) => csvCell(cell.dataset.value ?? cell.textContent.trim())));
    return lines.map((line) => `${line.join(",")}\r\n`).join("");
  }

  // The figure that the button stands with. Both forms have its ground with them, and nothing from elsewhere.
  function saveFigure(name, button) {
    const shown = button.closest("section").querySelector(".figure");
    const drawn = [...Bokeh.index.roots].find((view) => view.model.type === "Figure" && shown.contains(view.el));
    return name.endsWith(".svg") ? saveDrawing(drawn, name) : savePicture(drawn, name);
  }

  const ground = () => getComputedStyle(document.documentElement).getPropertyValue("--surface").trim();

  function saveDrawing(drawn, name) {
    const drawing = drawn.export("svg", false).canvas.cloneNode(true);
    const sheet = document.createElementNS(drawing.namespaceURI, "rect");
    for (const [key, value] of [["width", "100%"], ["height", "100%"], ["fill", ground()]]) sheet.setAttribute(key, value);
    drawing.prepend(sheet);
    save(new Blob([new XMLSerializer().serializeToString(drawing)], { type: "image/svg+xml" }), name);
  }

  function savePicture(drawn, name) {
    const picture = drawn.export("png", false).canvas;
    const sheet = document.createElement("canvas");
    [sheet.width, sheet.height] = [picture.width, picture.height];
    const pen = sheet.getContext("2d");
    pen.fillStyle = ground();
    pen.fillRect(0, 0, sheet.width, sheet.height);
    pen.drawImage(picture, 0, 0);
    sheet.toBlob((blob) => save(blob, name));
  }

  document.addEventListener("click", (event) => {
    const table = event.target.closest("[data-save-table]");
    if (table) save(new Blob([csvOf($(`#${table.dataset.saveTable}`))], { type: "text/csv" }), table.dataset.saveAs);
    const figure = event.target.closest("[data-save-figure]");
    if (figure) saveFigure(figure.dataset.saveFigure, figure);
  });

  // -- small sheets close when the reader goes on -----------------------------------------------------------------------
  document.addEventListener("click", (event) => {
    for (const sheet of $$("details.legend[open]")) if (!sheet.contains(event.target)) sheet.open = false;
  });

  // -- a message that the address names is brought into view once --------------------------------------------------------
  let arrived = "";
  function arrive() {
    const wanted = $("[data-arrive]")?.dataset.arrive ?? "";
    if (wanted === arrived) return;
    arrived = wanted;
    const entry = wanted && document.getElementById(`m-${wanted}`);
    if (entry) entry.scrollIntoView({ block: "start" });
  }
  document.addEventListener("nexus:patched", arrive);
  arrive();

  // -- rows that came above what the reader looks at ------------------------------------------------------------------
  const above = $(".new-above");
  if (above) {
    document.addEventListener("nexus:above", () => (above.hidden = false));
    above.addEventListener("click", () => {
      document.body.style.removeProperty("--room-below");
      document.scrollingElement.scrollTo({ top: 0, behavior: calm.matches ? "auto" : "smooth" });
      above.hidden = true;
    });
    addEventListener("scroll", () => document.scrollingElement.scrollTop < 8 && (above.hidden = true), { passive: true });
  }
})();
