// Boxes under the pointer: drawn, moved, resized.
import { boxBetween, freeName, grasp, shifted } from "./geometry.js";

/** @typedef {import("./geometry.js").Box} Box */
/** @typedef {import("./geometry.js").Size} Size */

const CURSORS = /** @type {Record<string, string>} */ ({
  n: "ns-resize", s: "ns-resize", e: "ew-resize", w: "ew-resize", nw: "nwse-resize", se: "nwse-resize",
  ne: "nesw-resize", sw: "nesw-resize", move: "move",
});

export class Boxes {
  /** @param {(name: string) => any} get what Python has set, by its name */
  constructor(get) {
    this.get = get;
    /** @type {Box[]} */
    this.all = [];
    this.chosen = -1;
    this.drawing = false;
    /** The box that is being drawn. @type {number[] | null} */
    this.rubber = null;
  }

  /** Boxes that no pointer takes hold of. @returns {number[][]} */
  get outlines() {
    return this.get("outlines") ?? [];
  }

  /** By name: whether a drag moves a box, chosen or not. Others move once they are chosen. @returns {Record<string, boolean>} */
  get movable() {
    return this.get("movable") ?? {};
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

  /** What a press at a point takes hold of: the number of a box, and which part of it; the chosen box comes first.
   * @param {number} x @param {number} y @param {number} near */
  hold(x, y, near) {
    const held = this.all
      .map(({ name, box }, n) => ({ n, part: (this.movable[name] ?? n === this.chosen) ? grasp(box, x, y, near) : "" }))
      .filter(({ part }) => part);
    return held.find(({ n }) => n === this.chosen) ?? held[0] ?? { n: -1, part: "" };
  }

  /** @param {number} x @param {number} y @param {number} near */
  cursor(x, y, near) {
    return this.drawing ? "crosshair" : (CURSORS[this.hold(x, y, near).part] ?? "");
  }

  /** Move or resize the chosen box from what it was. @param {number[]} box @param {string} part @param {number} dx @param {number} dy @param {Size} frame */
  shift(box, part, dx, dy, frame) {
    if (this.current && this.movable[this.current.name] !== false) this.current.box = shifted(box, part, dx, dy, frame);
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
