// Draws the tree of a conversation: rows of plain data in, lines and rows out. Nothing here is parsed as HTML.
//
// Every exchange has a row; a window of rows is in the document, whatever the size of the tree. Lines run behind the
// rows in lanes. The server decides words and places; a row that comes again only changes. As of an earlier moment the
// tree has its first rows alone; those behind are kept here for the way back.
//
// While somebody scrolls, a frame makes the rows and lines that come into the window, and touches no other ones: all
// that is read of the document is read before anything is written, so that nothing is laid out twice.

const SVG = "http://www.w3.org/2000/svg";
const NAMES = [
  "id", "row", "lane", "twig", "parentRow", "parentLane", "stub", "opens", "edge", "requestClass", "state", "label", "typed", "tag",
  "note", "model", "tokens", "counts", "duration", "receivedAt", "depth",
];
const OVERSCAN = 40;
const FAR_ROWS = 60; // a line is never longer: further down it is a stub (tree_layout.py)
const EDGE_ROOM = 14;
const ZOOMS = [20, 24, 28, 34, 42];
const ZOOM = 28;
const SELECT_MS = 90;
const EDGE_WORDS = {
  root: "root", continues: "continues", branches: "branch", forks: "fork", retries: "retry", interrupted: "after an interruption",
  spawned: "sub-task", compacts: "compaction", resumes: "resumes", aside: "side question",
};
const STATE_WORDS = { running: "running", done: "done", failed: "failed", cut: "cut" };

function make(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

function shape(name, attributes) {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
}

// -- marks: one form for each kind of edge, so that colour is never alone ------------------------------------------------

const marks = new Map();

function mark(node) {
  const look = `${node.requestClass} ${node.state} ${node.edge}`;
  if (!marks.has(look)) marks.set(look, newMark(node));
  return marks.get(look).cloneNode(true);
}

function newMark(node) {
  const svg = shape("svg", { viewBox: "-8 -8 16 16", class: `mark mark-${node.requestClass} is-${node.state} edge-${node.edge}` });
  const add = (name, attributes) => svg.append(shape(name, attributes));
  switch (node.edge) {
    case "root":
      add("circle", { r: 6.5, class: "ring" });
      add("circle", { r: 3, class: "fill" });
      break;
    case "spawned":
      add("rect", { x: -5, y: -5, width: 10, height: 10, rx: 2.5, class: "fill" });
      break;
    case "branches":
      add("rect", { x: -4.3, y: -4.3, width: 8.6, height: 8.6, rx: 1.2, transform: "rotate(45)", class: "fill" });
      break;
    case "forks":
      add("rect", { x: -4.3, y: -4.3, width: 8.6, height: 8.6, rx: 1.2, transform: "rotate(45)", class: "ring" });
      break;
    case "retries":
      add("path", { d: "M4.6 -2.6A5.3 5.3 0 1 0 5.3 1.2", class: "stroke" });
      add("path", { d: "M5.4 -6v3.800h-3.800", class: "stroke" });
      break;
    case "compacts":
      add("path", { d: "M-5.500 -5.500h11L2 0l3.500 5.500h-11L-2 0z", class: "fill" });
      break;
    case "resumes":
      add("path", { d: "M-5.500 -4.500h11L0 5.500z", class: "fill" });
      break;
    case "interrupted":
      add("circle", { r: 5, class: "ring" });
      add("path", { d: "M0 -5a5 5 0 0 1 0 10z", class: "fill" });
      break;
    case "aside":
      add("circle", { r: 3.5, class: "ring" });
      break;
    default:
      add("circle", { r: 4.6, class: "fill" });
  }
  if (node.state === "failed") {
    add("circle", { r: 6.6, class: "veil" });
    add("path", { d: "M-4 -4L4 4M4 -4L-4 4", class: "cross" });
  }
  if (node.state === "cut") add("path", { d: "M-6.500 0h13", class: "slash" });
  if (node.state === "running") add("circle", { r: 6.5, class: "pulse" });
  return svg;
}

// -- the component -------------------------------------------------------------------------------------------------------

export function render({ model, view }) {
  const host = document.querySelector("[data-tree]");
  const scroller = host.querySelector("[data-tree-rows]");
  const canvas = make("div", "tree-canvas");
  const lines = shape("svg", { class: "tree-lines", "aria-hidden": "true" });
  canvas.append(lines);
  scroller.replaceChildren(canvas);
  scroller.setAttribute("role", "tree");
  scroller.tabIndex = 0;

  const all = [];
  let nodes = all;
  const byId = new Map();
  let reach = [];
  const drawn = new Map();
  const paths = new Map();
  let stale = true;
  let selected = "";
  let zoom = ZOOMS.find((one) => one === Number(remembered("nexus-tree-zoom"))) ?? ZOOM;
  let widest = 0;
  let following = false;
  let painting = 0;
  let version = 0;
  let telling = 0;
  let toldAt = -SELECT_MS;

  function remembered(key) {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  }

  // -- rows in -----------------------------------------------------------------------------------------------------
  function take(rows, count) {
    const atEnd = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 2 * zoom;
    const had = nodes.length;
    for (const values of rows) {
      const node = Object.fromEntries(NAMES.map((name, place) => [name, values[place]]));
      all[node.row] = node;
      byId.set(node.id, node);
      widest = Math.max(widest, laneOf(node));
      drawn.get(node.row)?.remove();
      drawn.delete(node.row);
    }
    nodes = all.slice(0, count);
    reach = reached();
    stale = true;
    version++;
    following = had > 0 && nodes.length > had && atEnd && had * zoom > scroller.clientHeight;
    scroller.setAttribute("aria-label", `${nodes.length} exchanges`);
  }

  const laneOf = (node) => node.lane + (node.twig ? 0.5 : 0);
  const isShown = (id) => byId.has(id) && byId.get(id).row < nodes.length;

  // How far to the right there is a line at each row: text starts behind them all.
  function reached() {
    const found = new Array(nodes.length).fill(0);
    for (const node of nodes) {
      if (!node) continue;
      const from = node.parentRow === null || node.stub ? node.row : node.parentRow + 1;
      const lane = laneOf(node);
      for (let row = from; row <= node.row; row++) if (found[row] < lane) found[row] = lane;
    }
    return found;
  }

  // -- drawing -----------------------------------------------------------------------------------------------------
  const x = (lane) => EDGE_ROOM + lane * Math.max(9, Math.min(18, 380 / (widest + 1)));
  const y = (row) => (row + 0.5) * zoom;

  function paint() {
    painting = 0;
    const top = scroller.scrollTop;
    const bottom = top + scroller.clientHeight;
    const first = Math.max(0, Math.floor(top / zoom) - OVERSCAN);
    const last = Math.min(nodes.length - 1, Math.ceil(bottom / zoom) + OVERSCAN);
    if (stale) stretch();
    paintRows(first, last);
    paintLines(first, last);
    point(scroller, "aria-activedescendant", isShown(selected) ? `node-${selected}` : "");
    stale = false;
  }

  function schedule() {
    painting ||= requestAnimationFrame(paint);
  }

  function point(element, name, value) {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }

  // The whole tree is as high as its rows, whichever of them are there.
  function stretch() {
    const height = `${nodes.length * zoom + 8}px`;
    canvas.style.height = height;
    canvas.style.setProperty("--row", `${zoom}px`);
    lines.style.height = height;
    lines.style.width = `${x(widest) + 28}px`;
    for (const path of paths.values()) path.remove();
    paths.clear();
  }

  function paintRows(first, last) {
    for (const [row, element] of drawn) {
      if (row >= first && row <= last) {
        if (stale) place(element, nodes[row]);
      } else {
        element.remove();
        drawn.delete(row);
      }
    }
    // From below, so that each stands before the next one, as they are read aloud.
    for (let row = last; row >= first; row--) {
      const node = nodes[row];
      if (!node || drawn.has(row)) continue;
      const element = rowOf(node);
      place(element, node);
      document.dispatchEvent(new CustomEvent("nexus:patched", { detail: element }));
      canvas.insertBefore(element, drawn.get(row + 1) ?? null);
      drawn.set(row, element);
    }
  }

  function place(element, node) {
    element.style.top = `${node.row * zoom}px`;
    element.style.setProperty("--x", `${x(laneOf(node))}px`);
    element.style.setProperty("--text", `${x(reach[node.row]) + 14}px`);
    point(element, "aria-setsize", String(nodes.length));
    point(element, "aria-selected", String(node.id === selected));
  }

  function rowOf(node) {
    const row = make("div", `tree-row is-${node.state}${node.opens && node.row ? " opens" : ""}`);
    row.id = `node-${node.id}`;
    row.dataset.requestId = node.id;
    row.dataset.edge = node.edge;
    row.dataset.state = node.state;
    row.dataset.class = node.requestClass;
    row.setAttribute("role", "treeitem");
    row.setAttribute("aria-level", node.depth + 1);
    row.setAttribute("aria-posinset", node.row + 1);
    row.append(mark(node), text(node), ...figures(node));
    return row;
  }

  function text(node) {
    const cell = make("span", "tree-text");
    const link = make("a", `tree-label edge-${node.edge}${node.typed ? " typed" : ""}`, node.label);
    link.href = `/requests/${encodeURIComponent(node.id)}`;
    link.tabIndex = -1;
    link.title = `${EDGE_WORDS[node.edge] ?? node.edge}, ${STATE_WORDS[node.state]}: open the request`;
    cell.append(link);
    if (node.tag) cell.append(make("span", "tree-tag", node.tag));
    if (node.stub) {
      const jump = make("button", "tree-jump", `from row ${node.parentRow + 1}`);
      jump.type = "button";
      jump.tabIndex = -1;
      jump.dataset.jump = nodes[node.parentRow]?.id ?? "";
      cell.append(jump);
    }
    if (node.note) cell.append(make("span", "tree-note", node.note));
    return cell;
  }

  function figures(node) {
    const tokens = make("span", "tree-cell tree-tokens", node.tokens);
    if (node.counts) {
      const [read, written, rest, output] = node.counts.map((count) => count.toLocaleString("en"));
      tokens.title = `${read} read from the cache, ${written} written to it, ${rest} other input, ${output} output`;
    }
    const lasted = make("span", "tree-cell tree-duration");
    if (node.state === "running") {
      const elapsed = make("time", "run");
      elapsed.dateTime = node.receivedAt;
      elapsed.dataset.show = "elapsed";
      lasted.append(elapsed);
    } else lasted.textContent = node.duration;
    const at = make("span", "tree-cell tree-clock");
    const clock = make("time");
    clock.dateTime = node.receivedAt;
    clock.dataset.show = "clock";
    at.append(clock);
    return [make("span", "tree-cell tree-model", node.model), tokens, lasted, at];
  }

  // A line belongs to its lower end.
  function paintLines(first, last) {
    const end = Math.min(nodes.length - 1, last + FAR_ROWS);
    const crosses = (node) => node && node.parentRow !== null && node.row >= first && (node.stub ? node.row : node.parentRow) <= last;
    for (const [row, path] of paths) {
      if (row <= end && crosses(nodes[row])) continue;
      path.remove();
      paths.delete(row);
    }
    for (let row = first; row <= end; row++) {
      const node = nodes[row];
      if (paths.has(row) || !crosses(node)) continue;
      const look = `tree-line tree-line-${node.requestClass} edge-${node.edge}${node.stub ? " stub" : ""}`;
      paths.set(row, lines.appendChild(shape("path", { d: way(node), class: look })));
    }
  }

  function way(node) {
    const toX = x(laneOf(node));
    const toY = y(node.row);
    if (node.stub) return `M${toX - 7} ${toY - zoom * 0.75}Q${toX} ${toY - zoom * 0.75} ${toX} ${toY}`;
    const fromX = x(node.parentLane);
    const fromY = y(node.parentRow);
    if (fromX === toX) return `M${fromX} ${fromY}V${toY}`;
    const bend = Math.min(zoom, toY - fromY);
    return `M${fromX} ${fromY}C${fromX} ${fromY + bend * 0.7} ${toX} ${fromY + bend * 0.3} ${toX} ${fromY + bend}V${toY}`;
  }

  // -- selecting and moving ------------------------------------------------------------------------------------------
  // The first pick is asked for at once; of many that follow closely, such as while a key is held, only some.
  function select(id, { ask = true, reveal = true } = {}) {
    if (!isShown(id)) return;
    const row = byId.get(id).row;
    drawn.get(byId.get(selected)?.row)?.setAttribute("aria-selected", "false");
    drawn.get(row)?.setAttribute("aria-selected", "true");
    selected = id;
    if (reveal) show(row);
    schedule();
    tell();
    if (!ask) return;
    clearTimeout(telling);
    telling = setTimeout(() => {
      toldAt = performance.now();
      const search = new URLSearchParams(location.search);
      search.set("request", id);
      history.replaceState(null, "", `${location.pathname}?${search}`);
      document.dispatchEvent(new CustomEvent("nexus:act", { detail: { name: "select", value: id } }));
    }, toldAt + SELECT_MS - performance.now());
  }

  function show(row) {
    const top = row * zoom;
    const margin = zoom * 2;
    if (top < scroller.scrollTop + margin) scroller.scrollTop = top - margin;
    else if (top + zoom > scroller.scrollTop + scroller.clientHeight - margin) {
      scroller.scrollTop = top + zoom + margin - scroller.clientHeight;
    }
  }

  function step(by) {
    const at = selected ? byId.get(selected).row : by > 0 ? -1 : nodes.length;
    const next = nodes[Math.max(0, Math.min(nodes.length - 1, at + by))];
    if (next) select(next.id);
  }

  function toParent() {
    const node = byId.get(selected);
    if (node && node.parentRow !== null) select(nodes[node.parentRow].id);
  }

  function toChild() {
    const node = byId.get(selected);
    const child = node && nodes.find((other) => other?.parentRow === node.row && other.lane !== node.lane);
    const next = child ?? (node && nodes.find((other) => other?.parentRow === node.row));
    if (next) select(next.id);
  }

  function toBranch(by) {
    const openings = nodes.filter((node) => node?.opens);
    const at = selected ? byId.get(selected).row : -1;
    const next = by > 0 ? openings.find((node) => node.row > at) : openings.findLast((node) => node.row < at);
    if (next) select(next.id);
  }

  // The map beside the tree draws what stands here.
  function tell() {
    const row = isShown(selected) ? byId.get(selected).row : -1;
    host.dispatchEvent(new CustomEvent("nexus:tree", { detail: { nodes, version, zoom, widest, row } }));
  }
  const open = () => selected && location.assign(`/requests/${encodeURIComponent(selected)}`);
  const page = () => Math.max(1, Math.floor(scroller.clientHeight / zoom) - 2);
  const keys = {
    ArrowDown: () => step(1),
    ArrowUp: () => step(-1),
    ArrowLeft: toParent,
    ArrowRight: toChild,
    PageDown: () => step(page()),
    PageUp: () => step(-page()),
    Home: () => step(-nodes.length),
    End: () => step(nodes.length),
    Enter: open,
    "]": () => toBranch(1),
    "[": () => toBranch(-1),
    "+": () => rescale(1),
    "=": () => rescale(1),
    "-": () => rescale(-1),
    0: () => rescale(ZOOMS.indexOf(ZOOM) - ZOOMS.indexOf(zoom)),
  };

  function rescale(by) {
    const anchor = selected ? byId.get(selected).row : Math.floor(scroller.scrollTop / zoom);
    const offset = anchor * zoom - scroller.scrollTop;
    zoom = ZOOMS[Math.max(0, Math.min(ZOOMS.length - 1, ZOOMS.indexOf(zoom) + by))];
    try {
      localStorage.setItem("nexus-tree-zoom", zoom);
    } catch {
      // it is forgotten then
    }
    stale = true;
    stretch();
    scroller.scrollTop = anchor * zoom - offset;
    schedule();
    tell();
  }

  scroller.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  scroller.addEventListener("nexus:move", (event) => step(event.detail));
  const picked = (event) => select(event.detail);
  document.addEventListener("nexus:select", picked);
  model.on("remove", () => document.removeEventListener("nexus:select", picked));
  scroller.addEventListener("click", (event) => {
    const jump = event.target.closest("[data-jump]");
    if (jump) return select(jump.dataset.jump);
    if (event.target.closest("a")) return;
    const row = event.target.closest("[data-request-id]");
    if (row) select(row.dataset.requestId, { reveal: false });
  });
  scroller.addEventListener("dblclick", (event) => {
    if (!event.target.closest("[data-request-id]")) return;
    getSelection()?.removeAllRanges();
    open();
  });
  scroller.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    rescale(event.deltaY < 0 ? 1 : -1);
  }, { passive: false });
  scroller.addEventListener("scroll", schedule, { passive: true });
  host.querySelector("[data-zoom-in]")?.addEventListener("click", () => rescale(1));
  host.querySelector("[data-zoom-out]")?.addEventListener("click", () => rescale(-1));
  const resized = new ResizeObserver(schedule);
  resized.observe(scroller);
  model.on("remove", () => resized.disconnect());

  const handlers = {
    rows({ rows, anew, count }) {
      if (anew) {
        all.length = widest = 0;
        byId.clear();
        for (const element of drawn.values()) element.remove();
        drawn.clear();
      }
      take(JSON.parse(rows), count);
      stretch();
      if (following) scroller.scrollTop = scroller.scrollHeight;
      paint();
      tell();
      host.dataset.nodes = nodes.length;
    },
    select({ id }) {
      select(id, { ask: false });
      paint();
    },
  };
  model.on("msg:custom", (message) => handlers[message.kind]?.(message));
  model.send_msg({ kind: "ready" });
}
