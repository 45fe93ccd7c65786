// The viewer in a page of its own: its state is in the page.
import { Viewer } from "./viewer.js";

const content = JSON.parse(document.getElementById("frantools-viewer")?.textContent ?? "{}");
/** @type {Map<string, Set<() => void>>} */
const watchers = new Map();

const framed = window.top !== window; // where the page around has the focus and the wheel

/** @type {import("./viewer.js").Store} */
const store = {
  page: true,
  framed,
  get: (name) => content[name],
  set: (values) => {
    Object.assign(content, values);
    for (const name of Object.keys(values)) watchers.get(name)?.forEach((changed) => changed());
  },
  on: (name, changed) => {
    if (!watchers.has(name)) watchers.set(name, new Set());
    watchers.get(name)?.add(changed);
    return () => watchers.get(name)?.delete(changed);
  },
  send: () => {},
  picture: async (id) => content.pictures[id],
};

const { root } = new Viewer(document.body, store);
if (!framed) root.focus({ preventScroll: true });
