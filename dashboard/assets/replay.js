// Plays an answer as it came: pieces of text with their times in, text that grows out. Nothing here is parsed as HTML.
//
// The text of a block is cut into paragraphs, each in an element of its own, so that what grows at the end lets all
// before it alone. Whatever the time is set to, only what differs from what stands there is touched. At rest all of it
// is shown; what is still coming is followed.

const SPEEDS = [1, 4, 16];
const LONGEST_FRAME_MS = 100;
const SILENCE_MS = 1000;
const PARAGRAPH = 1500;
const NEAR_THE_END_PX = 40;
const WORDS = { text: "text", thinking: "thinking", input: "tool call", other: "block", error: "error" };

function make(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

function duration(ms, whole) {
  if (whole < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60000) return `${(ms / 1000).toFixed(1)} s`;
  return `${Math.floor(ms / 60000)} m ${String(Math.floor((ms % 60000) / 1000)).padStart(2, "0")} s`;
}

// -- one block: its whole text, and as much of it as is shown ------------------------------------------------------------

class Block {
  constructor([kind, label]) {
    this.whole = "";
    this.ends = [];
    this.wanted = this.shown = 0;
    this.paragraphs = [];
    this.element = make("section", `played played-${kind}`);
    this.element.hidden = true;
    this.element.append(make("h3", "", label || WORDS[kind]));
    this.text = this.element.appendChild(make("div", "played-text"));
  }

  grow(text) {
    const before = this.whole.length;
    let from = this.ends.at(-1) ?? 0;
    this.whole += text;
    for (;;) {
      const end = text.indexOf("\n", Math.max(0, from + PARAGRAPH - before));
      if (end < 0) return;
      this.ends.push((from = before + end + 1));
    }
  }

  show() {
    const { ends, paragraphs, wanted } = this;
    if (wanted === this.shown) return;
    let last = paragraphs.length - 1;
    while (last > 0 && ends[last - 1] >= wanted) {
      paragraphs.pop().remove();
      last -= 1;
      this.shown = Math.min(this.shown, ends[last]);
      paragraphs[last].textContent = this.whole.slice(ends[last - 1] ?? 0, this.shown);
    }
    if (last < 0) last = paragraphs.push(this.text.appendChild(make("p"))) - 1;
    while (ends[last] < wanted) {
      paragraphs[last].textContent = this.whole.slice(ends[last - 1] ?? 0, ends[last]);
      this.shown = ends[last];
      last = paragraphs.push(this.text.appendChild(make("p"))) - 1;
    }
    const node = paragraphs[last].firstChild;
    if (node && wanted > this.shown) node.appendData(this.whole.slice(this.shown, wanted));
    else paragraphs[last].textContent = this.whole.slice(ends[last - 1] ?? 0, wanted);
    this.shown = wanted;
  }
}

// -- the component -------------------------------------------------------------------------------------------------------

export function render({ model }) {
  const host = document.querySelector("[data-replay]");
  const $ = (name) => host.querySelector(`[data-${name}]`);
  const [play, bar, clock, note, sheet] = [$("play"), $("at"), $("clock"), $("note"), $("played")];
  const speeds = [...host.querySelectorAll("[data-speed]")];

  let blocks = [];
  let pieces = [];
  let lasted = 0;
  let shown = 0;
  let at = 0;
  let speed = 1;
  let playing = 0;
  let before = 0;

  // -- where we are ------------------------------------------------------------------------------------------------
  // How many pieces had come by then.
  function come(ms) {
    let [low, high] = [0, pieces.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (pieces[middle][0] <= ms) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  function show(ms, follow = true) {
    at = Math.min(Math.max(ms, 0), lasted);
    const wanted = come(at);
    const pinned = sheet.scrollHeight - sheet.scrollTop - sheet.clientHeight < NEAR_THE_END_PX;
    const touched = new Set();
    for (; shown < wanted; shown++) {
      const [, number, text] = pieces[shown];
      if (!text) blocks[number].element.hidden = false;
      blocks[number].wanted += text.length;
      touched.add(blocks[number]);
    }
    while (shown > wanted) {
      const [, number, text] = pieces[--shown];
      if (!text) blocks[number].element.hidden = true;
      blocks[number].wanted -= text.length;
      touched.add(blocks[number]);
    }
    for (const block of touched) block.show();
    if (touched.size && pinned && follow) sheet.scrollTop = sheet.scrollHeight;
    tell();
  }

  function tell() {
    bar.value = Math.round(at);
    const words = `${duration(at, lasted)} of ${duration(lasted, lasted)}`;
    clock.textContent = words;
    bar.setAttribute("aria-valuetext", words);
    bar.style.setProperty("--done", `${lasted ? (100 * at) / lasted : 0}%`);
    note.textContent = happening();
    host.dataset.shown = shown;
  }

  function happening() {
    if (at >= lasted) return "";
    const next = pieces[shown]?.[0] ?? lasted;
    if (!shown) return `no text yet, for ${duration(at, lasted)}`;
    const since = pieces[shown - 1][0];
    return next - since >= SILENCE_MS && at - since >= SILENCE_MS / 4 ? `no text for ${duration(at - since, lasted)}` : "";
  }

  // -- playing -----------------------------------------------------------------------------------------------------
  function step(now) {
    const passed = Math.min(now - before, LONGEST_FRAME_MS);
    before = now;
    show(at + passed * speed);
    if (at >= lasted) return stop();
    playing = requestAnimationFrame(step);
  }

  function start() {
    if (at >= lasted) show(0);
    before = performance.now();
    playing = requestAnimationFrame(step);
    label();
  }

  function stop() {
    cancelAnimationFrame(playing);
    playing = 0;
    label();
  }

  const toggle = () => (playing ? stop() : start());

  function label() {
    host.dataset.state = playing ? "playing" : "paused";
    const words = playing ? "Pause" : "Play";
    play.setAttribute("aria-label", words);
    play.title = `${words} (space)`;
  }

  function hurry(wanted) {
    speed = wanted;
    for (const one of speeds) one.setAttribute("aria-pressed", String(Number(one.dataset.speed) === speed));
  }

  const faster = (by) => hurry(SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, SPEEDS.indexOf(speed) + by))]);
  const second = () => Math.max(1000 * speed, lasted / 200);

  // -- what the reader does ------------------------------------------------------------------------------------------
  const keys = {
    " ": toggle,
    ArrowRight: () => show(at + second()),
    ArrowLeft: () => show(at - second()),
    Home: () => show(0),
    End: () => show(lasted),
    "+": () => faster(1),
    "-": () => faster(-1),
  };

  host.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = keys[event.key];
    if (!act || (event.key === " " && event.target.closest("button"))) return;
    event.preventDefault();
    act();
    label();
  });
  play.addEventListener("click", toggle);
  bar.addEventListener("input", () => {
    show(Number(bar.value));
    label();
  });
  for (const one of speeds) one.addEventListener("click", () => hurry(Number(one.dataset.speed)));
  model.on("remove", stop);

  // -- pieces in ---------------------------------------------------------------------------------------------------
  function take({ anew, ...more }) {
    if (anew) {
      for (const block of blocks) block.element.remove();
      [blocks, pieces, shown] = [[], [], 0];
    }
    for (const one of more.blocks) {
      const block = new Block(one);
      blocks.push(block);
      sheet.append(block.element);
    }
    for (const piece of more.pieces) {
      pieces.push(piece);
      blocks[piece[1]].grow(piece[2]);
    }
    const atEnd = at >= lasted;
    lasted = more.lasted;
    bar.max = Math.ceil(lasted);
    host.dataset.pieces = pieces.length;
    $("hidden").textContent = more.hidden ? `${more.hidden.toLocaleString("en")} more characters are not played.` : "";
    show(atEnd ? lasted : at, !anew);
    label();
  }

  model.on("msg:custom", (message) => message.kind === "pieces" && take(JSON.parse(message.replay)));
  hurry(1);
  model.send_msg({ kind: "ready" });
}
