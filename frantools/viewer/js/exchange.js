// What the browser and Python tell each other: the view, the boxes, and which picture is alone.
import { clip, FULL, same } from "./geometry.js";

/** @typedef {import("./viewer.js").Viewer} Viewer */

const LATER = 120; // milliseconds in which changes by keys become one message

export class Exchange {
  /** @param {Viewer} viewer @param {AbortSignal} signal */
  constructor(viewer, signal) {
    const { store } = viewer;
    this.viewer = viewer;
    /** The last state that both know. @type {Record<string, any>} */
    this.known = { view: store.get("view"), boxes: store.get("boxes"), selected: store.get("selected") };
    this.sent = 0;
    /** By name: with which of the states a change was sent last. @type {Record<string, number>} */
    this.last = {};
    /** The pane in which a hand moves something. @type {HTMLElement | null} */
    this.held = null;
    for (const name of Object.keys(this.known)) signal.addEventListener("abort", store.on(name, () => this.hear(name)));
    window.addEventListener("pagehide", () => this.commit(), { signal });
  }

  /** How many states were sent. */
  get commits() {
    return Math.max(this.sent, this.viewer.store.get("_commits") ?? 0);
  }

  /** What differs here from a state. @param {(name: string) => any} get @returns {Record<string, any>} */
  changes(get) {
    const { view, selected, boxes, pane, dpr } = this.viewer;
    const [text, screen] = [JSON.stringify, { ...pane, dpr }];
    /** @type {Record<string, any>} */
    const changed = {};
    if (!same(clip(view), get("view") ?? FULL)) changed.view = clip(view);
    if (text(screen) !== text(get("screen") ?? {})) changed.screen = screen;
    if (selected !== (get("selected") ?? null)) changed.selected = selected;
    if (text(boxes.all) !== text(get("boxes") ?? [])) changed.boxes = structuredClone(boxes.all);
    return changed;
  }

  /** Python has set something. A change by hand that it does not know yet stays, and an answer to an older state is late.
   * @param {string} name */
  hear(name) {
    const { store } = this.viewer;
    if (name in this.changes((each) => this.known[each]) || (store.get("_commits") ?? 0) < (this.last[name] ?? 0)) return;
    this.take(name);
  }

  /** @param {string} name */
  take(name) {
    const { viewer } = this;
    const value = viewer.store.get(name);
    const changed = name in this.changes((each) => viewer.store.get(each));
    this.known[name] = value;
    if (!changed) return;
    if (name === "view") viewer.look({ ...value });
    else if (name === "boxes") viewer.takeBoxes();
    else viewer.alone(value ?? null);
  }

  /** Tell Python what has changed. */
  commit() {
    clearTimeout(this.timer);
    const { view, selected, boxes, store } = this.viewer;
    const changed = this.changes((name) => store.get(name));
    this.known = { view: clip(view), selected, boxes: structuredClone(boxes.all) };
    if (!Object.keys(changed).length) return;
    this.sent = this.commits + 1;
    for (const name of Object.keys(changed)) this.last[name] = this.sent;
    store.set({ ...changed, _commits: this.sent });
  }

  /** The same soon, or at the end of a drag. */
  commitLater() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.held?.isConnected || this.commit(), LATER);
  }

  /** Send a message, after all changes before it. @param {Record<string, any>} message */
  send(message) {
    this.commit();
    this.viewer.store.send(message);
  }
}
