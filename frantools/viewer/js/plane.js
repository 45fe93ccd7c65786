// A sweep over two of its axes as a map of cells, whose state is a widget's model.
import { clamp } from "./geometry.js";
import { follow } from "./gestures.js";
import { make, write } from "./pane.js";

/** @typedef {{at: number[], text: string, said: string, colour: string, ink: string, failed: string, front: boolean,
 *   best: boolean, dim: boolean}} Cell */
/** @typedef {{name: string, ticks: string[]}} Axis */

const HINT = "Point at a cell to read it; click to see its picture; drag along an axis to play it. Keys: arrows, Enter.";
const HEIGHT = 300; // CSS pixels that the rows share
/** @type {Cell} */
const NONE = { at: [], text: "", said: "", colour: "", ink: "", failed: "", front: false, best: false, dim: false };
/** @type {Record<string, number[]>} */
const TOWARDS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };

class Plane {
  /** @param {HTMLElement} parent @param {any} model of anywidget */
  constructor(parent, model) {
    this.model = model;
    this.ended = new AbortController();
    const { signal } = this.ended;
    this.root = make("div", "ft-plane");
    this.root.dataset.lmSuppressShortcuts = "true"; // JupyterLab's keys stay out
    this.title = make("div", "ft-plane-title");
    this.grid = make("div", "ft-plane-grid");
    this.grid.setAttribute("role", "grid");
    this.key = make("div", "ft-key");
    this.said = make("div", "ft-plane-said");
    this.said.setAttribute("aria-live", "polite");
    this.root.append(this.title, this.grid, this.key, this.said);
    parent.append(this.root);
    /** By "column,row": what Python says of a cell, and its element. @type {Map<string, {cell: Cell, element: HTMLElement}>} */
    this.cells = new Map();
    /** The cell that keys begin from. */
    this.at = [0, 0];
    /** @type {number[]} */
    this.chosen = [];
    /** The cell that is read. @type {number[]} */
    this.read = [];
    this.outline = "";
    /** The frame that is asked for. @type {number | undefined} */
    this.asked = undefined;
    for (const name of ["x", "y", "cells", "key", "chosen"]) {
      const changed = () => this.ask();
      model.on(`change:${name}`, changed);
      signal.addEventListener("abort", () => model.off(`change:${name}`, changed));
    }
    this.listen(signal);
    this.draw();
  }

  close() {
    this.ended.abort();
    if (this.asked) cancelAnimationFrame(this.asked);
    this.root.remove();
  }

  /** Draw once, whatever has changed. */
  ask() {
    this.asked ??= requestAnimationFrame(() => this.draw());
  }

  /** @param {AbortSignal} signal */
  listen(signal) {
    const { grid } = this;
    grid.addEventListener("pointerdown", (event) => this.press(event), { signal });
    grid.addEventListener("pointerover", (event) => {
      const at = this.of(event.target);
      if (at.length) this.tell(at); // between cells, the last one stays
    }, { signal });
    grid.addEventListener("pointerleave", () => this.tell(this.chosen), { signal });
    grid.addEventListener("focusin", (event) => this.tell(this.of(event.target)), { signal });
    grid.addEventListener("focusout", () => this.tell(this.chosen), { signal });
    grid.addEventListener("keydown", (event) => this.pressed(event), { signal });
  }

  /** @returns {Axis[]} */
  get axes() {
    return [this.model.get("x"), this.model.get("y")];
  }

  // What is shown

  draw() {
    this.asked = undefined;
    const [x, y] = this.axes;
    const outline = JSON.stringify([x, y]);
    if (outline !== this.outline) this.build(x, y);
    this.outline = outline;
    const chosen = this.model.get("chosen") ?? [];
    if (chosen.join() !== this.chosen.join() || !this.read.length) this.read = chosen;
    this.chosen = chosen;
    const told = new Map((this.model.get("cells") ?? []).map((/** @type {Cell} */ cell) => [cell.at.join(), cell]));
    for (const [at, held] of this.cells) {
      const cell = told.get(at) ?? NONE;
      held.cell = cell;
      const { element } = held;
      write(/** @type {HTMLElement} */ (element.firstChild), cell.text);
      element.style.background = cell.colour;
      element.style.color = cell.ink;
      element.classList.toggle("ft-none", !cell.said);
      element.classList.toggle("ft-failed", !!cell.failed);
      element.classList.toggle("ft-front", cell.front);
      element.classList.toggle("ft-first", cell.best);
      element.classList.toggle("ft-dim", cell.dim);
      element.classList.toggle("ft-picked", at === this.chosen.join());
      element.setAttribute("aria-label", cell.said || "not in the sweep");
      element.setAttribute("aria-selected", String(at === this.chosen.join()));
    }
    if (this.chosen.length && !this.grid.contains(document.activeElement)) this.at = this.chosen;
    this.at = [clamp(this.at[0], 0, x.ticks.length - 1), clamp(this.at[1], 0, y.ticks.length - 1)];
    for (const [at, { element }] of this.cells) element.tabIndex = at === this.at.join() ? 0 : -1;
    this.drawKey();
    this.tell(this.read);
  }

  /** @param {Axis} x @param {Axis} y */
  build(x, y) {
    this.cells.clear();
    this.grid.replaceChildren();
    this.grid.style.gridTemplateColumns = `${y.name ? "auto auto" : "0 0"} repeat(${x.ticks.length}, minmax(0, 1fr))`;
    this.grid.style.setProperty("--ft-row", `${clamp(HEIGHT / y.ticks.length, 20, 40)}px`);
    this.grid.setAttribute("aria-label", `${x.name}${y.name ? ` by ${y.name}` : ""}`);
    const name = make("div", "ft-name-y", y.name);
    name.style.gridRow = `1 / span ${y.ticks.length}`;
    name.ariaHidden = "true"; // the grid's label says it
    this.grid.append(name);
    for (let j = y.ticks.length - 1; j >= 0; j--) {
      const row = this.row();
      row.append(this.tick("rowheader", y.ticks[j]));
      for (let i = 0; i < x.ticks.length; i++) {
        const element = make("div", "ft-cell");
        element.setAttribute("role", "gridcell");
        element.dataset.at = `${i},${j}`;
        element.append(make("span"));
        row.append(element);
        this.cells.set(`${i},${j}`, { cell: /** @type {any} */ (null), element });
      }
    }
    const row = this.row();
    const corner = make("div", "ft-corner");
    corner.setAttribute("role", "presentation");
    row.append(corner, ...x.ticks.map((text) => this.tick("columnheader", text)));
    const below = make("div", "ft-name-x", x.name);
    below.ariaHidden = "true";
    this.grid.append(below);
  }

  row() {
    const row = make("div", "ft-plane-row");
    row.setAttribute("role", "row");
    this.grid.append(row);
    return row;
  }

  /** @param {string} role @param {string} text */
  tick(role, text) {
    const made = make("div", role === "rowheader" ? "ft-tick ft-tick-y" : "ft-tick", text);
    made.setAttribute("role", role);
    made.title = text;
    return made;
  }

  drawKey() {
    const { title = "", colours = [], ticks = [], notes = "" } = this.model.get("key") ?? {};
    write(this.title, title);
    const outline = JSON.stringify([colours, ticks, notes]);
    if (this.key.dataset.outline === outline) return;
    this.key.dataset.outline = outline;
    const bar = make("div", "ft-key-bar");
    bar.style.background = colours.length ? `linear-gradient(to right, ${colours.join(", ")})` : "";
    const scale = make("div", "ft-key-scale");
    for (const [share, text] of ticks) {
      const made = make("span", "", text);
      made.style.left = `${100 * share}%`;
      scale.append(made);
    }
    const side = make("div", "ft-key-side");
    side.append(bar, scale);
    this.key.replaceChildren(side, make("div", "ft-key-notes", notes));
  }

  /** Say what a cell is. @param {number[]} at */
  tell(at) {
    this.read = at;
    write(this.said, this.cells.get(at.join())?.cell?.said || HINT);
  }

  // What is done

  /** The cell of an element, or nothing. @param {EventTarget | null} target @returns {number[]} */
  of(target) {
    const cell = target instanceof Element ? target.closest(".ft-cell") : null;
    return cell instanceof HTMLElement ? (cell.dataset.at ?? "").split(",").map(Number) : [];
  }

  /** Which cell is nearest to a place on the page. @param {PointerEvent} event */
  nearest(event) {
    const [x, y] = this.axes.map((axis) => axis.ticks.length);
    const [first, last] = [`0,${y - 1}`, `${x - 1},0`].map((at) => this.cells.get(at)?.element.getBoundingClientRect());
    if (!first || !last) return [0, 0];
    const [across, down] = [last.right - first.left, last.bottom - first.top];
    return [
      clamp(Math.floor(((event.clientX - first.left) / across) * x), 0, x - 1),
      clamp(Math.floor(((last.bottom - event.clientY) / down) * y), 0, y - 1),
    ];
  }

  /** Choose a cell, and go along one of its axes while the pointer is down. @param {PointerEvent} event */
  press(event) {
    const from = this.of(event.target);
    if (!from.length || event.button !== 0) return;
    event.preventDefault();
    this.choose(from);
    let along = -1;
    follow(this.grid, event, (moved) => {
      const to = this.nearest(moved);
      if (along < 0 && to.join() !== from.join()) {
        along = Math.abs(moved.clientX - event.clientX) >= Math.abs(moved.clientY - event.clientY) ? 0 : 1;
      }
      if (along >= 0) this.choose(along ? [from[0], to[1]] : [to[0], from[1]]);
    }, this.ended.signal);
  }

  /** @param {number[]} at */
  choose(at) {
    if (!this.cells.get(at.join())?.cell?.said) return; // not in the sweep
    this.focus(at);
    if (at.join() === this.chosen.join()) return;
    this.model.set("chosen", at);
    this.model.save_changes();
  }

  /** @param {number[]} at */
  focus(at) {
    this.at = at;
    for (const [each, { element }] of this.cells) element.tabIndex = each === at.join() ? 0 : -1;
    this.cells.get(at.join())?.element.focus({ preventScroll: true });
    this.tell(at);
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = this.of(event.target);
    const [x, y] = this.axes.map((axis) => axis.ticks.length - 1);
    const step = TOWARDS[event.key];
    if (!at.length) return;
    if (step) this.focus([clamp(at[0] + step[0], 0, x), clamp(at[1] + step[1], 0, y)]);
    else if (event.key === "Home" || event.key === "End") this.focus([event.key === "Home" ? 0 : x, at[1]]);
    else if (event.key === "Enter" || event.key === " ") this.choose(at);
    else return;
    event.preventDefault();
    event.stopPropagation();
    if (step && event.shiftKey) this.choose(this.at); // as a drag does
  }
}

/** @param {{model: any, el: HTMLElement}} given */
function render({ model, el }) {
  const plane = new Plane(el, model);
  return () => plane.close();
}

export default { render };
