// The wire between a page and its session: patches in, what the reader does out.
//
// The page's regions are ordinary HTML in the document, rendered by the server. A patch brings a region's HTML anew;
// only what differs is touched, so that focus, selection, open folds and scroll positions stay. HTML that could run
// something is dropped on the way in: the server escapes every string, this is the second wall.

const FORBIDDEN = "script,iframe,object,embed,frame,frameset,base,link,meta,style,template,portal,math,foreignObject,animate,set";
const URL_ATTRIBUTES = new Set(["href", "src", "action", "formaction", "xlink:href", "poster", "srcset"]);
const SAFE_URL = /^(?:\/(?!\/)|#|\?|data:image\/(?:png|jpeg|gif|webp);base64,)/;
const RELOAD_MS = 1500;
const TYPING_MS = 250;

// -- HTML in ---------------------------------------------------------------------------------------------------------

function parse(html) {
  const parsed = new DOMParser().parseFromString(html, "text/html").body;
  for (const element of parsed.querySelectorAll(FORBIDDEN)) element.remove();
  for (const element of parsed.querySelectorAll("*")) {
    for (const { name, value } of [...element.attributes]) {
      const unsafe = name.startsWith("on") || name === "srcdoc" || (URL_ATTRIBUTES.has(name) && !SAFE_URL.test(value.trim()));
      if (unsafe) element.removeAttribute(name);
    }
  }
  return parsed;
}

// Attributes that scripts here set by themselves.
const OURS = new Set(["title", "tabindex"]);

const keyOf = (node) => (node.nodeType === 1 ? node.dataset.key || node.id || null : null);
const alike = (a, b) => a.nodeType === b.nodeType && a.nodeName === b.nodeName && keyOf(a) === keyOf(b);

function morphAttributes(old, next) {
  const readers = (name) => name === "open" && old.nodeName === "DETAILS";
  for (const { name, value } of next.attributes) {
    if (old.getAttribute(name) !== value && !readers(name)) old.setAttribute(name, value);
  }
  for (const { name } of [...old.attributes]) {
    if (!next.hasAttribute(name) && !readers(name) && !OURS.has(name)) old.removeAttribute(name);
  }
}

function morphNode(old, next) {
  if (old.isEqualNode(next)) return;
  if (old.nodeType !== 1) {
    old.nodeValue = next.nodeValue;
    return;
  }
  const edited = old === document.activeElement && old.matches("input, select, textarea");
  morphAttributes(old, next);
  if (edited || old.hasAttribute("data-keep")) return;
  if (old.nodeName === "INPUT") old.value = next.getAttribute("value") ?? "";
  morphChildren(old, next);
}

function morphChildren(old, next) {
  const keyed = new Map();
  for (const child of old.children) {
    const key = keyOf(child);
    if (key) keyed.set(key, child);
  }
  let at = old.firstChild;
  for (const wanted of [...next.childNodes]) {
    const key = keyOf(wanted);
    const found = key ? keyed.get(key) : null;
    if (found && found.nodeName === wanted.nodeName) {
      if (found === at) at = at.nextSibling;
      else old.insertBefore(found, at);
      morphNode(found, wanted);
    } else if (at && !key && alike(at, wanted)) {
      const same = at;
      at = at.nextSibling;
      morphNode(same, wanted);
    } else {
      old.insertBefore(document.importNode(wanted, true), at);
    }
  }
  while (at) {
    const gone = at;
    at = at.nextSibling;
    gone.remove();
  }
}

// -- staying where the reader is ---------------------------------------------------------------------------------------

// The row the reader looks at keeps its place on the screen when rows come or move above it.
function anchored(region, change) {
  const list = region.querySelector("[data-anchored]") ?? (region.matches("[data-anchored]") ? region : null);
  const row = list && rowInUse(list);
  const key = row?.dataset.key;
  const before = row?.getBoundingClientRect().top;
  change();
  if (!key) return;
  const after = region.querySelector(`[data-key="${CSS.escape(key)}"]`)?.getBoundingClientRect().top;
  const shift = after === undefined ? 0 : after - before;
  if (Math.abs(shift) < 1) return;
  const scroller = document.scrollingElement;
  const room = scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop;
  if (shift > room) document.body.style.setProperty("--room-below", `${Math.ceil(shift - room)}px`);
  scroller.scrollTop += shift;
  if (shift > 0) document.dispatchEvent(new CustomEvent("nexus:above", { detail: Math.round(shift) }));
}

function rowInUse(list) {
  const rows = [...list.querySelectorAll("[data-key]")];
  const engaged = list.querySelector("[data-key]:hover") ?? document.activeElement?.closest("[data-key]");
  if (engaged && list.contains(engaged)) return engaged;
  if (document.scrollingElement.scrollTop < 8) return null;
  return rows.find((row) => row.getBoundingClientRect().top >= 0) ?? null;
}

// -- the component -------------------------------------------------------------------------------------------------------

export function render({ model, view }) {
  const doc = view.model.document;
  const regions = () => new Map([...document.querySelectorAll("[data-region]")].map((one) => [one.dataset.region, one]));
  const send = (message) => model.send_msg(message);
  const stop = new AbortController();
  const listen = (target, name, handler) => target.addEventListener(name, handler, { signal: stop.signal });

  let told = "connecting";

  function patch(changed) {
    const known = regions();
    for (const [name, html] of Object.entries(changed)) {
      const region = known.get(name);
      if (!region) continue;
      anchored(region, () => morphChildren(region, parse(html)));
      document.dispatchEvent(new CustomEvent("nexus:patched", { detail: region }));
    }
    if (recoloured() | refitted()) repaint();
  }

  // Colours of figures are those of the stylesheet: glyphs through colour mappers, the rest through --bk- variables.
  function recoloured() {
    const style = getComputedStyle(document.documentElement);
    let some = false;
    for (const one of doc.all_models ?? doc._all_models?.values() ?? []) {
      if (one.type !== "CategoricalColorMapper" || !one.tags.includes("from-stylesheet")) continue;
      const palette = one.factors.map((factor) => style.getPropertyValue(`--mark-${factor}`).trim());
      if (palette.join() === one.palette.join()) continue;
      one.setv({ palette }, { sync: false });
      some = true;
    }
    return some;
  }

  // Has a figure another width, or is it seen again? One of thousands of bars takes a while to draw.
  let widths = "";
  function refitted() {
    const before = widths;
    widths = [...document.querySelectorAll(".figure")].map((figure) => figure.clientWidth).join();
    return widths !== before;
  }

  function repaint() {
    for (const root of view.owner?.roots ?? []) root.request_paint?.();
    dispatchEvent(new Event("resize"));
  }

  function paintFigures() {
    recoloured();
    refitted();
    repaint();
  }

  function status(state) {
    document.documentElement.dataset.live = state;
    const label = { live: "Live", paused: "Paused", away: "Store away", slow: "Too slow", lost: "Reconnecting", connecting: "Connecting" }[state];
    const live = document.querySelector("#live");
    live.querySelector("[data-label]").textContent = label;
    live.title = live.dataset[state] ?? "";
  }

  const handlers = {
    patch: ({ regions }) => patch(regions),
    status({ state }) {
      told = state;
      status(document.hidden ? "paused" : told);
    },
    title: ({ text }) => (document.title = text),
    url: ({ search }) => history.replaceState(null, "", location.pathname + search),
    toast: ({ text, tone }) => document.dispatchEvent(new CustomEvent("nexus:toast", { detail: { text, tone } })),
  };
  model.on("msg:custom", (message) => handlers[message.kind]?.(message));

  // -- what the reader does ------------------------------------------------------------------------------------------
  function ask(search) {
    const bar = document.querySelector("#progress");
    bar.classList.remove("on");
    void bar.offsetWidth;
    bar.classList.add("on");
    send({ kind: "query", search });
  }

  function go(url) {
    if (url.search !== location.search) history.pushState(null, "", url);
    document.body.style.removeProperty("--room-below");
    ask(location.search);
  }

  listen(document, "click", (event) => {
    const act = event.target.closest("[data-act]");
    if (act) {
      event.preventDefault();
      send({ kind: "act", name: act.dataset.act, value: act.dataset.value ?? "" });
      return;
    }
    const link = event.target.closest("a[data-soft]");
    const plain = !event.ctrlKey && !event.metaKey && !event.shiftKey && event.button === 0;
    if (link && plain) {
      event.preventDefault();
      go(new URL(link.href));
      if (link.dataset.soft === "top") scrollTo({ top: 0 });
    }
  });

  const formUrl = (form) => {
    const given = new URLSearchParams([...new FormData(form)].filter(([, value]) => value !== ""));
    const asked = new URLSearchParams(location.search);
    for (const name of form.dataset.keep?.split(" ") ?? []) if (asked.has(name)) given.set(name, asked.get(name));
    const search = given.toString();
    return new URL(location.pathname + (search ? `?${search}` : ""), location.href);
  };
  let typing = 0;
  listen(document, "input", (event) => {
    const form = event.target.closest("form[data-query]");
    if (!form) return;
    clearTimeout(typing);
    typing = setTimeout(() => go(formUrl(form)), event.target.nodeName === "SELECT" ? 0 : TYPING_MS);
  });
  listen(document, "submit", (event) => {
    const form = event.target.closest("form[data-query]");
    if (!form) return;
    event.preventDefault();
    clearTimeout(typing);
    go(formUrl(form));
  });
  listen(window, "popstate", () => ask(location.search));
  listen(document, "visibilitychange", () => {
    status(document.hidden ? "paused" : told);
    send({ kind: "visible", visible: !document.hidden });
  });
  listen(document, "nexus:act", ({ detail }) => send({ kind: "act", ...detail }));
  listen(document, "nexus:theme", paintFigures);
  model.on("remove", () => stop.abort());

  // -- when the connection goes --------------------------------------------------------------------------------------
  async function reloadWhenBack() {
    status("lost");
    for (;;) {
      await new Promise((done) => setTimeout(done, RELOAD_MS));
      try {
        const answer = await fetch("/alive", { cache: "no-store", redirect: "manual" });
        if (answer.status !== 502 && answer.status !== 503 && answer.status !== 504) return location.reload();
      } catch {
        // nobody there yet
      }
    }
  }
  doc.on_event?.("connection_lost", () => reloadWhenBack());

  status("connecting");
  paintFigures();
  send({ kind: "ready", search: location.search, visible: !document.hidden });
  // What was typed before anybody listened.
  const chosen = [...document.querySelectorAll("form[data-query] [name]")].find(isChanged);
  if (chosen) go(formUrl(chosen.form));
}

function isChanged(box) {
  if (box.nodeName !== "SELECT") return box.value !== box.defaultValue;
  return box.selectedIndex !== Math.max(0, [...box.options].findIndex((option) => option.defaultSelected));
}
