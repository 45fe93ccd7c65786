// The viewer: panes that are zoomed together, and what keys, pointers and Python do to them.
import { act } from "./actions.js";
import { Bar } from "./bar.js";
import { Boxes } from "./boxes.js";
import { DIFFERENCES, RANGES } from "./difference.js";
import { Exchange } from "./exchange.js";
import { clamp, clip, FULL, home, magnification, panned, place, same, scaleBar, zoomed } from "./geometry.js";
import { listen } from "./gestures.js";
import { character, meaning } from "./keys.js";
import { arrangePanes } from "./layout.js";
import { load, loadDetails } from "./loading.js";
import { button, make, Pane, write } from "./pane.js";
import { nextFrame, tidy } from "./pictures.js";
import { point, press } from "./pointing.js";
import { tellValues } from "./readout.js";

/** @typedef {import("./pane.js").Scene} Scene */
/** Where a viewer's state is kept: in a widget's model, or in a page; and whether there is more around it.
 * @typedef {{page: boolean, framed: boolean, get: (name: string) => any, set: (values: Record<string, any>) => void,
 *   on: (name: string, changed: () => void) => () => void, send: (message: any) => void,
 *   picture: (id: string) => Promise<import("./pictures.js").Content>}} Store */

const [BLINK, SETTLE] = [600, 120]; // milliseconds
const SAID = ["chips", "numbers", "best", "notes", "caption"];

export class Viewer {
  /** @param {HTMLElement} parent @param {Store} store */
  constructor(parent, store) {
    this.store = store;
    this.ended = new AbortController();
    const { signal } = this.ended;
    this.root = make("div", "ft-viewer");
    this.root.tabIndex = 0;
    this.root.dataset.lmSuppressShortcuts = "true"; // JupyterLab's keys stay out
    this.root.setAttribute("role", "application");
    this.root.setAttribute("aria-label", "Pictures side by side; press ? for the keys");
    this.tabs = make("div", "ft-tabs");
    this.grid = make("div", "ft-grid");
    this.bar = new Bar({ act: (name) => this.act(name), range: (value) => this.setRange(value), rename: (name) => this.rename(name) }, signal);
    this.caption = make("div", "ft-caption");
    this.caption.hidden = true;
    this.root.append(this.tabs, this.grid, this.caption, this.bar.help);
    parent.append(this.root);
    /** @type {Map<string, Pane>} */
    this.panes = new Map();
    this.boxes = new Boxes(store.get);
    this.view = { ...FULL, ...store.get("view") };
    /** @type {string | null} */
    this.selected = store.get("selected") ?? null;
    this.current = "";
    this.mode = { difference: DIFFERENCES[0], range: RANGES.first, curtain: false, edge: 0.5, blink: false, phase: false, held: false, loupe: false, histogram: false, fractions: false };
    /** @type {{x: number, y: number} | null} */
    this.pointer = null;
    this.pane = { width: 1, height: 1 };
    this.dpr = 1;
    this.written = "";
    this.stale = false; // whether more is to be drawn than the pointer
    this.moving = false; // quickly, and well at rest
    this.hurried = false;
    /** The frame that is asked for. @type {number | undefined} */
    this.asked = undefined;
    this.exchange = new Exchange(this, signal);
    this.listen(signal);
    this.takePanes();
    this.takeBoxes();
  }

  /** @param {AbortSignal} signal */
  listen(signal) {
    const { store, root } = this;
    const offs = [
      store.on("_panes", () => this.takePanes()),
      store.on("_frame", () => {
        this.exchange.take("boxes"); // which are in other pixels now
        this.layout();
      }),
      ...["_reference", "outlines", "movable"].map((name) => store.on(name, () => this.invalidate())),
      ...SAID.map((name) => store.on(name, () => this.say())),
    ];
    signal.addEventListener("abort", () => offs.forEach((off) => off()));
    root.addEventListener("keydown", (event) => this.key(event), { signal });
    root.addEventListener("keyup", (event) => character(event) === " " && this.hold(false), { signal });
    root.addEventListener("focusout", () => this.hold(false), { signal });
    const sizes = new ResizeObserver(() => this.layout());
    sizes.observe(root);
    signal.addEventListener("abort", () => sizes.disconnect());
    window.addEventListener("resize", () => this.layout(), { signal }); // also where the page is zoomed
  }

  close() {
    this.commit();
    this.ended.abort();
    clearInterval(this.blinking);
    for (const timer of [this.settling, this.exchange.timer, this.telling, this.resting]) clearTimeout(timer);
    if (this.asked) cancelAnimationFrame(this.asked);
    for (const pane of this.panes.values()) pane.close();
    this.panes.clear();
    this.root.remove();
  }

  // What Python says

  get frame() {
    const [width, height] = this.store.get("_frame") ?? [];
    return { width: width || 1, height: height || 1 };
  }

  get reference() {
    return this.panes.get(this.store.get("_reference")) ?? null;
  }

  takePanes() {
    const told = this.store.get("_panes") ?? [];
    for (const [title, pane] of this.panes) {
      if (told.some((/** @type {any} */ each) => each.title === title)) continue;
      pane.close();
      this.panes.delete(title);
    }
    const before = this.panes;
    this.panes = new Map();
    for (const { title, picture, details } of told) {
      const pane = before.get(title) ?? this.addPane(title);
      this.panes.set(title, pane);
      pane.count(this.panes.size);
      void load(this, pane, picture ?? "");
      void loadDetails(this, pane, details ?? []);
    }
    const roots = [...[...this.panes.values()].map((pane) => pane.root), this.bar.root];
    if (roots.some((each, n) => this.grid.children[n] !== each)) this.grid.replaceChildren(...roots);
    if (!this.panes.has(this.current)) this.current = "";
    if (this.selected !== null && !this.panes.has(this.selected)) this.selected = null;
    this.tabs.replaceChildren(
      Object.assign(button("ft-tab", "All", () => this.choose(null)), { title: "All pictures (key 0)" }),
      ...[...this.panes].map(([title, { name }]) => {
        const tab = button("ft-tab", title, () => this.choose(title));
        [tab.dataset.title, tab.title] = [title, name.title];
        return tab;
      }),
    );
    this.say();
    this.layout();
  }

  /** @param {string} title */
  addPane(title) {
    const open = () => this.choose(this.selected === title ? null : title);
    const pane = new Pane(title, 0, { open, chip: () => this.exchange.send({ kind: "chip", title }) });
    const { signal } = this.ended;
    listen(pane.box, {
      press: (x, y, event) => {
        this.exchange.held = pane.box;
        return press(this, pane, x, y, event);
      },
      hover: (x, y) => point(this, pane, x, y),
      leave: () => point(this, null, 0, 0),
      double: () => this.look({ ...FULL }, true),
      zoom: (x, y, factor) => this.look(zoomed(this.at, this.frame, this.pane, this.least, x, y, factor)),
      pan: (dx, dy) => this.look(panned(this.at, this.frame, this.pane, dx, dy)),
      rest: () => {
        this.exchange.held = null;
        this.commit();
      },
      takesWheel: (event) => {
        const takes = !this.store.framed || event.ctrlKey || event.metaKey || (document.hasFocus() && this.root.matches(":focus-within"));
        if (!takes) write(this.bar.said, "Click, or hold Ctrl, to zoom with the wheel");
        return takes;
      },
    }, signal);
    return pane;
  }

  say() {
    const [chips, numbers, best, notes] = SAID.map((name) => this.store.get(name) ?? {});
    for (const [title, pane] of this.panes) {
      pane.say({ chip: chips[title] ?? "", numbers: numbers[title] ?? "", best: best[title] ?? [], note: notes[title] ?? (pane.failed ? "The picture did not arrive." : "") });
    }
    const caption = this.store.get("caption") || "";
    const written = [caption, ...[...this.panes.values()].map((pane) => pane.numbers.textContent)].join("\n");
    if (written === this.written) return;
    this.written = written;
    this.caption.textContent = caption; // which changes the available space
    this.caption.hidden = !caption;
    this.layout();
  }

  takeBoxes() {
    this.boxes.take(this.store.get("boxes") ?? []);
    this.invalidate();
  }

  // Where things are

  layout() {
    if (!this.panes.size || this.ended.signal.aborted || !this.grid.clientWidth) return;
    this.dpr = window.devicePixelRatio || 1;
    const alone = this.selected !== null;
    this.root.classList.toggle("ft-alone", alone);
    for (const [title, pane] of this.panes) pane.root.hidden = alone && title !== this.selected;
    for (const tab of /** @type {Iterable<HTMLElement>} */ (this.tabs.children)) {
      tab.setAttribute("aria-pressed", String((tab.dataset.title ?? null) === this.selected));
    }
    const { width, height } = arrangePanes(this);
    if (width !== this.pane.width || height !== this.pane.height) this.view = clip(this.view);
    this.pane = { width, height };
    for (const pane of this.panes.values()) pane.resize(width, height, this.dpr);
    this.invalidate();
    this.commitLater();
  }

  get least() {
    return home(this.frame, this.pane, this.selected !== null, this.dpr);
  }

  get at() {
    return place(this.view, this.frame, this.pane, this.least);
  }

  /** @param {import("./geometry.js").Rect} view @param {boolean} [now] whether Python hears of it at once */
  look(view, now = false) {
    this.view = same(clip(view), FULL) && this.selected === null ? { ...FULL } : view;
    this.moving = true;
    this.invalidate();
    clearTimeout(this.resting);
    this.resting = setTimeout(() => {
      this.moving = this.hurried = false;
      this.invalidate();
    }, SETTLE);
    if (now) this.commit();
  }

  /** Tell Python what is in view, at rest. */
  commit() {
    this.exchange.commit();
  }

  commitLater() {
    this.exchange.commitLater();
  }

  // Drawing, once a frame

  /** @param {"all" | "pointer"} [what] has changed */
  invalidate(what = "all") {
    this.stale ||= what === "all";
    this.asked ??= requestAnimationFrame(() => this.draw());
  }

  draw() {
    this.asked = undefined;
    if (this.ended.signal.aborted) return;
    if (!this.stale) return this.tell();
    this.stale = false;
    const begun = performance.now();
    nextFrame();
    const scene = this.scene();
    for (const pane of this.panes.values()) if (!pane.root.hidden) pane.draw(scene);
    tidy();
    this.hurried ||= this.moving && performance.now() - begun > 24;
    this.bar.showScale(scaleBar(scene.at.s), magnification(scene.at.s, this.dpr));
    this.bar.showDifference(this.mode.difference, this.mode.range);
    this.bar.showBox(this.boxes.current);
    for (const name of /** @type {const} */ (["curtain", "blink", "loupe", "histogram"])) this.bar.press(name, this.mode[name]);
    this.bar.press("difference", this.mode.difference !== "off");
    this.bar.press("draw", this.boxes.drawing);
    this.tell();
    if (this.mode.histogram) {
      clearTimeout(this.settling);
      this.settling = setTimeout(() => this.measure(), SETTLE);
    }
    this.root.dataset.state = [...this.panes.values()].every((pane) => !pane.loads) ? "ready" : "loading";
  }

  measure() {
    if (this.ended.signal.aborted) return;
    const scene = this.scene();
    for (const pane of this.panes.values()) {
      if (pane.root.hidden) continue;
      pane.measure(scene);
      pane.draw(scene);
    }
  }

  /** @returns {Scene} */
  scene() {
    const { frame, at, dpr, mode, boxes, pointer } = this;
    const box = boxes.current?.box ?? null;
    const side = Math.max(8, Math.min(frame.width, frame.height, 0.12 * this.pane.width / at.s));
    const around = pointer && [pointer.x - side / 2, pointer.y - side / 2, pointer.x + side / 2, pointer.y + side / 2];
    const loupe = mode.loupe ? (box ?? around) : null;
    const middle = loupe ? at.x + ((loupe[0] + loupe[2]) / 2) * at.s : 0;
    return {
      frame, at, dpr, ...this.pane, reference: this.reference?.picture ?? null, held: mode.held || (mode.blink && mode.phase),
      difference: mode.difference, range: mode.range, curtain: mode.curtain, edge: mode.edge, boxes: boxes.all, chosen: boxes.chosen, outlines: boxes.outlines,
      moving: this.moving, hurried: this.hurried, rubber: boxes.rubber, loupe, loupeLeft: middle > this.pane.width / 2, histogram: mode.histogram,
    };
  }

  tell() {
    const said = tellValues(this.panes.values(), this.reference, this.frame, this.pointer, this.mode.fractions, this.current);
    const where = this.pointer ? `${Math.floor(this.pointer.x)}, ${Math.floor(this.pointer.y)}` : "";
    this.root.classList.toggle("ft-pointing", !!this.pointer);
    write(this.bar.said, where && `${where}  ${said}`);
    clearTimeout(this.telling);
    if (where) this.telling = setTimeout(() => { this.bar.live.textContent = `${this.current}, ${where}: ${said}`; }, 700);
    for (const pane of this.panes.values()) pane.mark(this.at, this.pointer);
    for (const [title, pane] of this.panes) pane.root.classList.toggle("ft-current", title === this.current && this.selected === null);
  }

  // What a hand does

  /** @param {KeyboardEvent} event */
  key(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    if (event.key !== "Tab") event.stopPropagation(); // the notebook gets none of them
    if (target === this.bar.name) {
      if (event.isComposing) return; // Enter takes the word that is composed
      if (event.key === "Enter" || event.key === "Escape") this.root.focus({ preventScroll: true });
      return;
    }
    if (target === this.bar.map && event.key.startsWith("Arrow")) {
      event.preventDefault();
      return this.act(/Up|Right/.test(event.key) ? "wider" : "narrower");
    }
    if (target instanceof HTMLButtonElement && (event.key === "Enter" || event.key === " ")) return;
    const [name, ...args] = meaning(event);
    if (!name || (event.repeat && (name === "hold" || name === "alone"))) {
      if (name) event.preventDefault();
      return;
    }
    event.preventDefault();
    this.act(name, ...args);
  }

  /** @param {string} name @param {number[]} args */
  act(name, ...args) {
    act(this, name, args);
    this.invalidate();
    this.commitLater();
  }

  /** @param {boolean} on */
  hold(on) {
    if (this.mode.held === on) return;
    this.mode.held = on;
    this.invalidate();
  }

  /** @param {boolean} on */
  blink(on) {
    clearInterval(this.blinking);
    this.mode.blink = on;
    this.mode.phase = on;
    if (on) this.blinking = setInterval(() => {
      this.mode.phase = !this.mode.phase;
      this.invalidate();
    }, BLINK);
  }

  /** @param {number} value */
  setRange(value) {
    this.mode.range = clamp(value, RANGES.least, RANGES.most);
    this.invalidate();
  }

  /** @param {string} name */
  rename(name) {
    if (this.boxes.current) this.boxes.current.name = name.trim() || this.boxes.current.name;
    this.invalidate();
    this.commit();
  }

  /** Show one picture alone, or all. @param {string | null} title */
  alone(title) {
    this.selected = title;
    if (title !== null) this.current = title;
    this.view = clip(this.view);
    this.layout();
  }

  /** The same by hand, which Python hears of. @param {string | null} title */
  choose(title) {
    this.alone(title);
    this.commitLater();
  }
}
