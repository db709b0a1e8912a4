// Where in a long tree does the reader stand? All of it on a small canvas, and a frame around what is on the screen.
//
// The tree tells of itself with "nexus:tree": its rows, how high one is, its lanes, and which row is selected. The map
// is a scroll bar in all respects: it is dragged, clicked beside its frame, and moved with the keyboard.
(() => {
  const map = document.querySelector("[data-tree-map]");
  if (!map) return;
  const host = map.closest("[data-tree]");
  const scroller = host.querySelector("[data-tree-rows]");
  const canvas = map.querySelector("canvas");
  const frame = map.querySelector("[data-frame]");
  const SCREENS = 1.5; // a tree that is hardly longer than the screen needs no map
  const HIGHEST_ROW = 6;
  const LOWEST_FRAME = 12;
  const EDGE = 5;
  const STATES = new Set(["failed", "running"]);

  let tree = { nodes: [], zoom: 28, widest: 0, selected: "" };
  let drawing = 0;
  let held = null;

  // -- places ----------------------------------------------------------------------------------------------------------
  const hidden = () => scroller.scrollHeight - scroller.clientHeight;
  const unit = () => Math.min(HIGHEST_ROW, map.clientHeight / Math.max(1, tree.nodes.length));
  const drawn = () => unit() * tree.nodes.length;
  const frameHeight = () => Math.max(LOWEST_FRAME, Math.min(1, scroller.clientHeight / scroller.scrollHeight) * drawn());

  function placeFrame() {
    const height = frameHeight();
    const share = hidden() > 0 ? Math.min(1, scroller.scrollTop / hidden()) : 0;
    frame.style.height = `${height}px`;
    frame.style.transform = `translateY(${share * Math.max(0, drawn() - height)}px)`;
    const first = Math.floor(scroller.scrollTop / tree.zoom) + 1;
    const last = Math.min(tree.nodes.length, Math.ceil((scroller.scrollTop + scroller.clientHeight) / tree.zoom));
    map.setAttribute("aria-valuemax", tree.nodes.length);
    map.setAttribute("aria-valuenow", Math.min(first, tree.nodes.length));
    map.setAttribute("aria-valuetext", `rows ${first} to ${last} of ${tree.nodes.length}`);
  }

  // -- drawing ---------------------------------------------------------------------------------------------------------
  function draw() {
    drawing = 0;
    map.hidden = tree.nodes.length * tree.zoom < SCREENS * scroller.clientHeight;
    if (map.hidden) return;
    const sharp = devicePixelRatio || 1;
    const [width, height] = [map.clientWidth, map.clientHeight];
    [canvas.width, canvas.height] = [Math.round(width * sharp), Math.round(height * sharp)];
    const pen = canvas.getContext("2d");
    pen.scale(sharp, sharp);
    const style = getComputedStyle(map);
    const colours = new Map();
    const colour = (name) => {
      if (!colours.has(name)) colours.set(name, style.getPropertyValue(`--mark-${name}`).trim() || style.color);
      return colours.get(name);
    };
    const step = Math.min(7, (width - 4 * EDGE) / (tree.widest + 1));
    const high = Math.max(1, unit() - (unit() > 2 ? 1 : 0));
    for (const node of tree.nodes) {
      if (!node) continue;
      const y = node.row * unit();
      pen.fillStyle = colour(STATES.has(node.state) ? node.state : node.requestClass);
      pen.fillRect(EDGE + node.lane * step, y, Math.max(2, step - 1), high);
      // What failed or runs is seen however close the rows are.
      if (STATES.has(node.state)) pen.fillRect(width - EDGE, y - 0.5, EDGE, Math.max(2, high));
      if (node.id === tree.selected) {
        pen.fillStyle = style.getPropertyValue("--focus").trim();
        pen.fillRect(0, y - 1, EDGE - 2, Math.max(3, high));
      }
    }
    placeFrame();
  }

  const schedule = () => (drawing ||= requestAnimationFrame(draw));
  host.addEventListener("nexus:tree", ({ detail }) => {
    tree = detail;
    schedule();
  });
  scroller.addEventListener("scroll", () => map.hidden || placeFrame(), { passive: true });
  document.addEventListener("nexus:theme", schedule);
  new ResizeObserver(schedule).observe(scroller);

  // -- moving ----------------------------------------------------------------------------------------------------------
  function drag(event) {
    const room = drawn() - frameHeight();
    const top = event.clientY - canvas.getBoundingClientRect().top - held;
    scroller.scrollTop = room > 0 ? (top / room) * hidden() : 0;
  }
  map.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    map.focus({ preventScroll: true });
    const box = frame.getBoundingClientRect();
    held = event.clientY >= box.top && event.clientY <= box.bottom ? event.clientY - box.top : box.height / 2;
    map.setPointerCapture(event.pointerId);
    drag(event);
  });
  map.addEventListener("pointermove", (event) => held === null || drag(event));
  for (const name of ["pointerup", "pointercancel"]) map.addEventListener(name, () => (held = null));
  map.addEventListener("wheel", (event) => (scroller.scrollTop += event.deltaY), { passive: true });

  const screen = () => scroller.clientHeight - 2 * tree.zoom;
  const keys = {
    ArrowDown: () => scroller.scrollTop + 3 * tree.zoom,
    ArrowUp: () => scroller.scrollTop - 3 * tree.zoom,
    PageDown: () => scroller.scrollTop + screen(),
    PageUp: () => scroller.scrollTop - screen(),
    Home: () => 0,
    End: () => scroller.scrollHeight,
  };
  map.addEventListener("keydown", (event) => {
    const to = keys[event.key];
    if (!to || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    scroller.scrollTop = to();
  });
})();
