// What does a key do? Pages, lists and search without a mouse, and the help that says so.
(() => {
  const CHORD_MS = 1200;
  const PLACES = { o: "/overview", c: "/conversations", r: "/requests", s: "/search", d: "/compare", u: "/usage", l: "/limits", i: "/insights" };
  const isShown = (element) => element.checkVisibility({ visibilityProperty: true });
  const shown = (selector) => [...document.querySelectorAll(selector)].filter(isShown);

  // -- help: nothing else can be reached while it is open; the browser gives the focus back -------------------------------
  const help = document.querySelector("#help");
  const close = help.querySelector("button");
  const askForHelp = () => (help.open ? help.close() : help.showModal());
  document.querySelector("#help-button").addEventListener("click", askForHelp);
  help.addEventListener("click", (event) => event.target === help && help.close());

  // -- lists: what can be opened, one after the other ---------------------------------------------------------------------
  function move(step) {
    const [tree] = shown("[data-tree-rows]");
    if (tree) return tree.dispatchEvent(new CustomEvent("nexus:move", { detail: step }));
    const rows = shown("[data-nav]");
    const at = rows.indexOf(document.activeElement);
    const first = step > 0 ? 0 : rows.length - 1;
    const next = rows[at < 0 ? first : Math.min(rows.length - 1, Math.max(0, at + step))];
    next?.focus({ preventScroll: true });
    (next?.closest("tr, [data-key]") ?? next)?.scrollIntoView({ block: "nearest" });
  }

  // -- comparing: a row of a list with another one, or else what the page shows with something to choose -------------------
  const MARKED = "nexus.marked";
  function compare() {
    const row = document.activeElement?.closest("tr[data-request-id], tr[data-conversation-id]");
    if (!row) return document.querySelector("[data-compare]")?.click();
    const one = { id: row.dataset.requestId ?? row.dataset.conversationId, of: row.dataset.requestId ? "requests" : "branches" };
    const other = JSON.parse(sessionStorage.getItem(MARKED) ?? "null");
    const say = (text) => document.dispatchEvent(new CustomEvent("nexus:toast", { detail: { text } }));
    sessionStorage.removeItem(MARKED);
    if (other?.id === one.id) return say("No longer marked.");
    if (other) return location.assign(`/compare?${new URLSearchParams({ a: other.id, b: one.id, of: one.of === other.of ? one.of : "branches" })}`);
    sessionStorage.setItem(MARKED, JSON.stringify(one));
    say("Marked. Press c on another one to compare both.");
  }

  function search() {
    const [box] = shown("[data-search]");
    if (!box) return location.assign(PLACES.s);
    box.focus();
    box.select();
  }

  // -- keys -----------------------------------------------------------------------------------------------------------------
  const acts = {
    "/": search,
    "?": askForHelp,
    t: () => window.nexusTheme.cycle(),
    j: () => move(1),
    k: () => move(-1),
    c: compare,
    u: () => document.querySelector("[data-up]")?.click(),
  };
  let chordAt = -CHORD_MS;

  // Inside of a shadow root, the document is told of its host only.
  function isTyped(event) {
    const [target] = event.composedPath();
    return target.closest?.("input, textarea, select, [contenteditable]") ? target : null;
  }

  function act(event) {
    if (help.open) return { Tab: () => close.focus(), "?": askForHelp }[event.key];
    const place = event.timeStamp - chordAt < CHORD_MS && PLACES[event.key];
    chordAt = event.key === "g" ? event.timeStamp : -CHORD_MS;
    if (place) return () => location.assign(place);
    return event.key === "g" ? () => {} : acts[event.key];
  }

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.defaultPrevented) return;
    const box = isTyped(event);
    if (box) return event.key === "Escape" ? box.blur() : undefined;
    const does = act(event);
    if (!does) return;
    event.preventDefault();
    does();
  });
})();
