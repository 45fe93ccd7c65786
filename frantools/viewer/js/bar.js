// The line below the panes: how far in one is, what is under the pointer, tools, the chosen box, and the list of keys.
import { colour, RANGES } from "./difference.js";
import { clamp } from "./geometry.js";
import { follow } from "./gestures.js";
import { BINDINGS } from "./keys.js";
import { button, make, write } from "./pane.js";

/** @typedef {import("./difference.js").Difference} Difference */
/** @typedef {{act: (name: string) => void, range: (value: number) => void, rename: (name: string) => void}} Acts */

/** @type {[string, string, string][]} */
const TOOLS = [
  ["reset", "Fit", "R"], ["difference", "Difference", "D"], ["curtain", "Curtain", "C"], ["blink", "Blink", "B"],
  ["draw", "Box", "M"], ["loupe", "Loupe", "L"], ["histogram", "Histogram", "H"], ["help", "?", "?"],
];

export class Bar {
  /** @param {Acts} acts @param {AbortSignal} signal */
  constructor(acts, signal) {
    this.root = make("div", "ft-bar");
    this.scale = make("div", "ft-scale");
    this.rule = make("div", "ft-rule");
    this.length = make("span");
    this.scale.append(this.rule, this.length);
    this.said = make("div", "ft-said");
    this.live = make("div", "ft-hidden");
    this.live.setAttribute("aria-live", "polite");
    this.box = this.#box(acts, signal);
    this.map = this.#map(acts, signal);
    this.tools = make("div", "ft-tools");
    this.tools.setAttribute("role", "toolbar");
    this.tools.setAttribute("aria-label", "Tools");
    /** @type {Map<string, HTMLButtonElement>} */
    this.buttons = new Map();
    for (const [name, text, key] of TOOLS) {
      const made = button("ft-tool", text, () => acts.act(name));
      const said = BINDINGS.find((each) => each.act === name)?.does ?? "";
      made.title = `${said[0].toUpperCase()}${said.slice(1)} (key ${key})`;
      if (text === "?") made.setAttribute("aria-label", "Keys");
      this.buttons.set(name, made);
      this.tools.append(made);
    }
    this.root.append(this.scale, this.said, this.box, this.map, this.tools, this.live);
    this.help = this.#help();
  }

  /** The chosen box: its name, what it is, and what can be done. @param {Acts} acts @param {AbortSignal} signal */
  #box(acts, signal) {
    const root = make("div", "ft-chosen");
    this.name = make("input", "ft-name");
    this.name.setAttribute("aria-label", "Name of the box");
    this.name.spellcheck = false;
    this.name.maxLength = 60;
    this.name.addEventListener("change", () => acts.rename(this.name?.value ?? ""), { signal });
    this.place = make("span", "ft-place");
    const remove = button("ft-tool", "Delete", () => acts.act("remove"));
    remove.title = "Remove the chosen box (key Delete)";
    root.append(this.name, this.place, remove);
    return root;
  }

  /** The colours of the difference, whose range is dragged. @param {Acts} acts @param {AbortSignal} signal */
  #map(acts, signal) {
    const root = make("div", "ft-map");
    root.tabIndex = 0;
    root.setAttribute("role", "slider");
    root.setAttribute("aria-label", "Range of the difference");
    root.setAttribute("aria-valuemin", String(RANGES.least));
    root.setAttribute("aria-valuemax", String(RANGES.most));
    root.title = "Drag to change the range (keys [ and ])";
    this.low = make("span");
    this.high = make("span");
    this.colours = make("canvas");
    [this.colours.width, this.colours.height] = [128, 1];
    root.append(this.low, this.colours, this.high);
    root.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      const [from, range] = [event.clientX, this.range];
      follow(root, event, (moved) => acts.range(range * Math.exp((from - moved.clientX) / 100)), signal);
    }, { signal });
    return root;
  }

  /** Stand in the cells of the grid that the panes leave free, or below them. @param {number} free */
  fill(free) {
    this.root.classList.toggle("ft-beside", free > 0);
    this.root.style.gridColumn = free ? `-${free + 1} / -1` : "1 / -1";
  }

  /** CSS pixels that it is high below the panes. */
  get below() {
    if (!this.root.classList.contains("ft-beside")) this.#below = this.root.offsetHeight;
    return this.#below;
  }

  range = RANGES.first;
  #below = 0;
  #kind = "";

  /** @param {Difference} kind @param {number} range */
  showDifference(kind, range) {
    this.map.hidden = kind === "off";
    this.range = range;
    if (kind === "off" || !this.low || !this.high || !this.colours) return;
    write(this.low, kind === "signed" ? `\u2212${Math.round(range)}` : "0");
    write(this.high, `${kind === "signed" ? "+" : ""}${Math.round(range)}`);
    this.map.setAttribute("aria-valuenow", String(Math.round(range)));
    if (kind === this.#kind) return;
    this.#kind = kind;
    const context = this.colours.getContext("2d");
    for (let n = 0; context && n < 128; n++) {
      context.fillStyle = `rgb(${colour(kind, n / 127).join(" ")})`;
      context.fillRect(n, 0, 1, 1);
    }
  }

  /** @param {import("./geometry.js").Box | null} box */
  showBox(box) {
    this.box.hidden = !box;
    this.said.hidden = !!box;
    if (!box || !this.name || !this.place) return;
    if (document.activeElement !== this.name) this.name.value = box.name;
    const [left, top, right, bottom] = box.box;
    write(this.place, `${right - left} \u00d7 ${bottom - top} at ${left}, ${top}`);
  }

  /** @param {{length: number, width: number}} bar @param {string} magnified */
  showScale(bar, magnified) {
    this.rule.style.width = `${clamp(bar.width, 1, 140)}px`;
    this.rule.hidden = bar.width > 140;
    write(this.length, `${bar.width > 140 ? "" : `${bar.length} px \u00b7 `}${magnified}`);
  }

  /** @param {string} name @param {boolean} on */
  press(name, on) {
    this.buttons.get(name)?.setAttribute("aria-pressed", String(on));
  }

  #help() {
    const root = make("div", "ft-help");
    root.setAttribute("role", "dialog");
    root.setAttribute("aria-label", "Keys");
    root.hidden = true;
    const list = make("dl");
    for (const { label, does } of BINDINGS) {
      if (!label) continue;
      const row = make("div");
      const term = make("dt");
      term.append(make("kbd", "", label));
      row.append(term, make("dd", "", does));
      list.append(row);
    }
    root.append(list);
    return root;
  }
}
