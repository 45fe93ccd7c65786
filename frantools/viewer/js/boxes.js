// Boxes under the pointer: drawn, moved, resized.
import { boxBetween, freeName, grasp, shifted } from "./geometry.js";

/** @typedef {import("./geometry.js").Box} Box */
/** @typedef {import("./geometry.js").Size} Size */

const CURSORS = /** @type {Record<string, string>} */ ({
  n: "ns-resize", s: "ns-resize", e: "ew-resize", w: "ew-resize", nw: "nwse-resize", se: "nwse-resize",
  ne: "nesw-resize", sw: "nesw-resize", move: "move",
});

export class Boxes {
  constructor() {
    /** @type {Box[]} */
    this.all = [];
    this.chosen = -1;
    this.drawing = false;
    /** The box that is being drawn. @type {number[] | null} */
    this.rubber = null;
  }

  /** @param {Box[]} boxes */
  take(boxes) {
    this.all = boxes.map(({ name, box }) => ({ name: String(name), box: [...box] }));
    if (this.chosen >= this.all.length) this.chosen = -1;
  }

  /** @returns {Box | null} */
  get current() {
    return this.all[this.chosen] ?? null;
  }

  /** The smallest box at a point of the frame. @param {number} x @param {number} y @param {number} near */
  at(x, y, near) {
    const area = (/** @type {number[]} */ [l, t, r, b]) => (r - l) * (b - t);
    const hit = this.all.map(({ box }, n) => ({ n, box })).filter(({ box }) => grasp(box, x, y, near));
    hit.sort((a, b) => area(a.box) - area(b.box));
    return hit.length ? hit[0].n : -1;
  }

  /** What a press at a point takes hold of: a part of the chosen box. @param {number} x @param {number} y @param {number} near */
  hold(x, y, near) {
    return this.current ? grasp(this.current.box, x, y, near) : "";
  }

  /** @param {number} x @param {number} y @param {number} near */
  cursor(x, y, near) {
    return this.drawing ? "crosshair" : (CURSORS[this.hold(x, y, near)] ?? "");
  }

  /** Move or resize the chosen box from what it was. @param {number[]} box @param {string} part @param {number} dx @param {number} dy @param {Size} frame */
  shift(box, part, dx, dy, frame) {
    if (this.current) this.current.box = shifted(box, part, dx, dy, frame);
  }

  /** Add a box, and choose it. @param {number[] | null} box */
  add(box) {
    if (!box) return;
    this.all.push({ name: freeName(this.all), box });
    this.chosen = this.all.length - 1;
  }

  remove() {
    if (this.current) this.all.splice(this.chosen, 1);
    this.chosen = -1;
  }

  /** @param {number} x0 @param {number} y0 @param {number} x1 @param {number} y1 @param {Size} frame */
  draw(x0, y0, x1, y1, frame) {
    this.rubber = boxBetween(x0, y0, x1, y1, frame);
  }
}
