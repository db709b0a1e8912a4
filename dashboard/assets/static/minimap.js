// Where in a long tree does the reader stand? All of it on a small canvas, and a frame around what is on the screen.
//
// The tree tells of itself with "nexus:tree": its rows and their version, how high one is, its lanes, and the place of
// the selected row. The map is a scroll bar in all respects: it is dragged, clicked beside its frame, and moved with the
// keyboard. Rows are painted once for a version, on a sheet of their own; sizes are those the browser told last, so that
// a frame of scrolling reads one number of the document and writes one place.
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
  const ROOM_BELOW = 8; // under the last row
  const STATES = new Set(["failed", "running"]);

  const sheet = document.createElement("canvas");
  let tree = { nodes: [], version: 0, zoom: 28, widest: 0, row: -1 };
  let seen = { width: 0, height: 0, rows: 0 };
  let painted = "";
  let drawing = 0;
  let held = null;

  // -- places ----------------------------------------------------------------------------------------------------------
  const whole = () => Math.max(seen.rows, tree.nodes.length * tree.zoom + ROOM_BELOW);
  const hidden = () => whole() - seen.rows;
  const unit = () => Math.min(HIGHEST_ROW, seen.height / Math.max(1, tree.nodes.length));
  const drawn = () => unit() * tree.nodes.length;
  const frameHeight = () => Math.max(LOWEST_FRAME, Math.min(1, seen.rows / whole()) * drawn());

  function tell(name, value) {
    if (map.getAttribute(name) !== String(value)) map.setAttribute(name, value);
  }

  function placeFrame() {
    const top = scroller.scrollTop;
    const height = frameHeight();
    const share = hidden() > 0 ? Math.min(1, top / hidden()) : 0;
    const first = Math.floor(top / tree.zoom) + 1;
    const last = Math.min(tree.nodes.length, Math.ceil((top + seen.rows) / tree.zoom));
    frame.style.height = `${height}px`;
    frame.style.transform = `translateY(${share * Math.max(0, drawn() - height)}px)`;
    tell("aria-valuemax", tree.nodes.length);
    tell("aria-valuenow", Math.min(first, tree.nodes.length));
    tell("aria-valuetext", `rows ${first} to ${last} of ${tree.nodes.length}`);
  }

  function measure() {
    seen = { width: map.clientWidth, height: map.clientHeight, rows: scroller.clientHeight };
  }

  // -- drawing ---------------------------------------------------------------------------------------------------------
  function draw() {
    drawing = 0;
    map.hidden = tree.nodes.length * tree.zoom < SCREENS * scroller.clientHeight;
    if (map.hidden) return;
    measure();
    if (!seen.width || !seen.height) return; // in a view that is not seen
    const sharp = devicePixelRatio || 1;
    const size = [Math.round(seen.width * sharp), Math.round(seen.height * sharp)];
    const style = getComputedStyle(map);
    const wanted = [...size, tree.version, tree.widest, style.color, style.getPropertyValue("--mark-main")].join();
    if (wanted !== painted) paintRows(sharp, size, style);
    painted = wanted;
    if (canvas.width !== size[0] || canvas.height !== size[1]) [canvas.width, canvas.height] = size;
    const pen = canvas.getContext("2d");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, ...size);
    pen.drawImage(sheet, 0, 0);
    pen.scale(sharp, sharp);
    const row = tree.row;
    if (row >= 0) {
      pen.fillStyle = style.getPropertyValue("--focus").trim();
      pen.fillRect(0, row * unit() - 1, EDGE - 2, Math.max(3, high()));
    }
    placeFrame();
  }

  const high = () => Math.max(1, unit() - (unit() > 2 ? 1 : 0));

  function paintRows(sharp, size, style) {
    [sheet.width, sheet.height] = size;
    const pen = sheet.getContext("2d");
    pen.scale(sharp, sharp);
    const colours = new Map();
    const colour = (name) => {
      if (!colours.has(name)) colours.set(name, style.getPropertyValue(`--mark-${name}`).trim() || style.color);
      return colours.get(name);
    };
    const step = Math.min(7, (seen.width - 4 * EDGE) / (tree.widest + 1));
    for (const node of tree.nodes) {
      if (!node) continue;
      const y = node.row * unit();
      pen.fillStyle = colour(STATES.has(node.state) ? node.state : node.requestClass);
      pen.fillRect(EDGE + node.lane * step, y, Math.max(2, step - 1), high());
      // What failed or runs is seen however close the rows are.
      if (STATES.has(node.state)) pen.fillRect(seen.width - EDGE, y - 0.5, EDGE, Math.max(2, high()));
    }
  }

  const schedule = () => (drawing ||= requestAnimationFrame(draw));
  host.addEventListener("nexus:tree", ({ detail }) => {
    tree = detail;
    schedule();
  });
  scroller.addEventListener("scroll", () => map.hidden || placeFrame(), { passive: true });
  document.addEventListener("nexus:theme", schedule);
  const resized = new ResizeObserver(schedule);
  for (const one of [scroller, map]) resized.observe(one);

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

  const screen = () => seen.rows - 2 * tree.zoom;
  const keys = {
    ArrowDown: () => scroller.scrollTop + 3 * tree.zoom,
    ArrowUp: () => scroller.scrollTop - 3 * tree.zoom,
    PageDown: () => scroller.scrollTop + screen(),
    PageUp: () => scroller.scrollTop - screen(),
    Home: () => 0,
    End: () => whole(),
  };
  map.addEventListener("keydown", (event) => {
    const to = keys[event.key];
    if (!to || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    scroller.scrollTop = to();
  });
})();
