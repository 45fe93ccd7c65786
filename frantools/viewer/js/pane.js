// One pane: its title, its canvas, and the lines below.
import { histogram, paintDifference } from "./difference.js";
import { clamp, laid } from "./geometry.js";
import { scratch } from "./pictures.js";

/** @typedef {import("./geometry.js").Rect} Rect */
/** @typedef {import("./geometry.js").Placing} Placing */
/** @typedef {import("./pictures.js").Picture} Picture */
/** @typedef {import("./pictures.js").Mapping} Mapping */
/** @typedef {{part: Rect, picture: Picture, id: string}} Detail */
/** What all panes are drawn by.
 * @typedef {{frame: import("./geometry.js").Size, at: Placing, dpr: number, width: number, height: number,
 *   reference: Picture | null, held: boolean, difference: import("./difference.js").Difference, range: number,
 *   curtain: boolean, edge: number, boxes: import("./geometry.js").Box[], chosen: number, outlines: number[][], rubber: number[] | null,
 *   loupe: number[] | null, loupeLeft: boolean, histogram: boolean, moving: boolean, hurried: boolean}} Scene */

const LINE = "rgba(255, 255, 255, 0.95)";
const SHADE = "rgba(0, 0, 0, 0.65)";
export const ACCENT = "#ff9d2e";
const OUTLINE = "#ffd60a"; // as in the figures

/** An element with a class and a text, which is never markup.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag @param {string} [name] @param {string} [text] @returns {HTMLElementTagNameMap[T]} */
export function make(tag, name = "", text = "") {
  const made = document.createElement(tag);
  if (name) made.className = name;
  if (text) made.textContent = text;
  return made;
}

/** Write a text, where it is another one. @param {HTMLElement} element @param {string} text */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** A button that does not take the focus when it is clicked, so that keys still work.
 * @param {string} name @param {string} text @param {() => void} act */
export function button(name, text, act) {
  const made = make("button", name, text);
  made.type = "button";
  made.addEventListener("pointerdown", (event) => event.preventDefault());
  made.addEventListener("mousedown", (event) => event.preventDefault());
  made.addEventListener("click", act);
  return made;
}

/** @type {CanvasRenderingContext2D[]} */
const benches = [];
/** The reference's pixels, which are the same for all panes of a scene. @type {{scene: Scene | null, data: ImageData | null}} */
const shared = { scene: null, data: null };

/** A canvas to compute on. @param {number} n @param {number} width @param {number} height */
function bench(n, width, height) {
  const context = (benches[n] ??= scratch(1, 1));
  if (context.canvas.width !== width || context.canvas.height !== height) {
    [context.canvas.width, context.canvas.height] = [width, height];
  } else context.clearRect(0, 0, width, height);
  return context;
}

export class Pane {
  /** @param {string} title @param {number} number @param {{open: () => void, chip: () => void}} acts */
  constructor(title, number, acts) {
    this.title = title;
    this.root = make("div", "ft-pane");
    this.root.setAttribute("role", "group");
    this.root.setAttribute("aria-label", title);
    const head = make("div", "ft-head");
    this.name = button("ft-title", "", acts.open);
    this.number = make("span", "ft-number");
    this.name.append(this.number, make("span", "ft-text", title));
    this.chip = button("ft-chip", "", acts.chip);
    head.append(this.name, this.chip);
    this.box = make("div", "ft-box");
    this.canvas = make("canvas", "ft-canvas");
    this.canvas.setAttribute("role", "img");
    this.note = make("div", "ft-note");
    this.marker = make("div", "ft-marker");
    this.marker.hidden = true;
    this.box.append(this.canvas, this.marker, this.note);
    this.numbers = make("div", "ft-numbers");
    this.values = make("div", "ft-values");
    const foot = make("div", "ft-foot");
    foot.append(this.numbers, this.values);
    this.root.append(head, this.box, foot);
    const context = this.canvas.getContext("2d");
    if (!context) throw new Error("this browser has no canvas");
    this.context = context;
    /** @type {Picture | null} */
    this.picture = null;
    this.id = "";
    this.failed = false; // whether its picture did not arrive
    this.loads = 0; // pictures that are on their way
    /** @type {Detail[]} */
    this.details = [];
    /** @type {Uint32Array[] | null} */
    this.counts = null;
    this.count(number);
  }

  /** @param {number} number */
  count(number) {
    this.number.textContent = number <= 9 ? String(number) : "";
    this.hint();
  }

  /** Tell the title in full, its key, and the note in full where the picture leaves little room for it. */
  hint() {
    const key = this.number.textContent && ` (key ${this.number.textContent})`;
    this.name.title = [`${this.title}${key}`, this.note.textContent].filter(Boolean).join("\n");
  }

  /** The words around the picture. @param {{chip: string, numbers: string, best: number[], note: string}} said */
  say({ chip, numbers, best, note }) {
    this.chip.textContent = chip;
    this.chip.hidden = !chip;
    this.chip.title = chip;
    const parts = numbers ? numbers.split(/ {2,}/) : [];
    this.numbers.replaceChildren(
      ...parts.map((part, n) => make("span", best.includes(n) ? "ft-best" : "", part)),
    );
    this.note.textContent = note;
    this.note.hidden = !note && !!this.picture;
    this.note.classList.toggle("ft-over", !!this.picture);
    this.hint();
    const size = this.picture ? `, ${this.picture.width} x ${this.picture.height} pixels` : "";
    this.canvas.setAttribute("aria-label", `${this.title}${size}${numbers ? `, ${numbers}` : ""}${note ? `. ${note}` : ""}`);
  }

  /** @param {number} width @param {number} height CSS pixels @param {number} dpr */
  resize(width, height, dpr) {
    const [wide, high] = [Math.round(width * dpr), Math.round(height * dpr)];
    this.box.style.height = `${height}px`;
    if (this.canvas.width !== wide || this.canvas.height !== high) [this.canvas.width, this.canvas.height] = [wide, high];
  }

  close() {
    this.picture?.close();
    for (const { picture } of this.details) picture.close();
    this.picture = null;
    this.details = [];
    this.canvas.width = this.canvas.height = 0;
    this.root.remove();
  }

  /** @param {Scene} scene */
  draw(scene) {
    const { context, canvas } = this;
    const { width, height } = canvas;
    context.clearRect(0, 0, width, height);
    const shown = scene.held ? scene.reference : this.picture;
    const apart = scene.difference !== "off" && scene.reference && this.picture !== scene.reference && !scene.held;
    if (shown && this.picture && apart) this.#difference(scene);
    else if (shown) {
      shown.draw(context, mapping(shown, scene), width, height, scene.moving);
      if (!scene.held) this.#detail(scene);
    }
    if (scene.curtain && scene.reference && !scene.held) this.#curtain(scene, scene.reference);
    this.#boxes(scene);
    if (scene.loupe && shown) this.#loupe(scene, shown, scene.loupe);
    if (scene.histogram && this.counts) this.#histogram(this.counts, scene.dpr);
  }

  /** @param {Scene} scene */
  #detail(scene) {
    const { frame, at, dpr } = scene;
    const { width, height } = this.canvas;
    for (const { part, picture } of this.details) {
      const kx = (part.width * frame.width * at.s * dpr) / picture.width;
      const ky = (part.height * frame.height * at.s * dpr) / picture.height;
      const own = this.picture ? mapping(this.picture, scene).kx : Infinity;
      if (own <= 1) continue; // the picture has all details
      const [x, y] = [at.x + part.x * frame.width * at.s, at.y + part.y * frame.height * at.s];
      picture.draw(this.context, { x: x * dpr, y: y * dpr, kx, ky }, width, height);
    }
  }

  /** The difference, at the frame's pixels, or the screen's where these are fewer. @param {Scene} scene */
  #difference(scene) {
    const { frame, at, dpr, reference, difference, range } = scene;
    const { width, height } = this.canvas;
    const scale = at.s * dpr;
    const left = clamp(Math.floor(-at.x / at.s), 0, frame.width);
    const top = clamp(Math.floor(-at.y / at.s), 0, frame.height);
    const right = clamp(Math.ceil((width / dpr - at.x) / at.s), left, frame.width);
    const bottom = clamp(Math.ceil((height / dpr - at.y) / at.s), top, frame.height);
    const k = Math.min(1, scale) * (scene.hurried ? 0.4 : 1);
    const [wide, high] = [Math.ceil((right - left) * k), Math.ceil((bottom - top) * k)];
    if (!wide || !high || !reference || !this.picture || difference === "off") return;
    const read = (/** @type {Picture} */ picture) => {
      const context = bench(0, wide, high);
      const map = mapping(picture, { frame, at: { s: k, x: -left * k, y: -top * k }, dpr: 1 });
      picture.draw(context, map, wide, high, scene.moving);
      return context.getImageData(0, 0, wide, high);
    };
    if (shared.scene !== scene || !shared.data) [shared.scene, shared.data] = [scene, read(reference)];
    const own = read(this.picture);
    paintDifference(own.data, shared.data.data, difference, range);
    const context = bench(0, wide, high);
    context.putImageData(own, 0, 0);
    this.context.imageSmoothingEnabled = false;
    const [x, y] = [(at.x + left * at.s) * dpr, (at.y + top * at.s) * dpr];
    this.context.drawImage(context.canvas, 0, 0, wide, high, x, y, (right - left) * scale, (bottom - top) * scale);
  }

  /** The reference on the left of an edge. @param {Scene} scene @param {Picture} reference */
  #curtain(scene, reference) {
    const { context, canvas } = this;
    const edge = Math.round(scene.edge * canvas.width);
    context.save();
    context.beginPath();
    context.rect(0, 0, edge, canvas.height);
    context.clip();
    context.clearRect(0, 0, edge, canvas.height);
    reference.draw(context, mapping(reference, scene), edge, canvas.height, scene.moving);
    context.restore();
    const wide = Math.max(1, Math.round(scene.dpr));
    context.fillStyle = SHADE;
    context.fillRect(edge - 2 * wide, 0, 4 * wide, canvas.height);
    context.fillStyle = LINE;
    context.fillRect(edge - wide, 0, 2 * wide, canvas.height);
    context.beginPath();
    context.arc(edge, canvas.height / 2, 6 * scene.dpr, 0, 7);
    context.fill();
  }

  /** @param {Scene} scene */
  #boxes(scene) {
    const { context } = this;
    const { at, dpr } = scene;
    const line = (/** @type {number[]} */ box, /** @type {string} */ colour) => {
      const [l, t, r, b] = box.map((each, n) => Math.round(((n % 2 ? at.y : at.x) + each * at.s) * dpr));
      const wide = Math.max(1, Math.round(1.25 * dpr));
      context.lineWidth = 3 * wide;
      context.strokeStyle = SHADE;
      context.strokeRect(l, t, r - l, b - t);
      context.lineWidth = wide;
      context.strokeStyle = colour;
      context.strokeRect(l, t, r - l, b - t);
      return [l, t, r, b];
    };
    for (const box of scene.outlines) line(box, OUTLINE);
    context.font = `${11 * dpr}px system-ui, sans-serif`;
    scene.boxes.forEach(({ name, box }, n) => {
      const chosen = n === scene.chosen;
      const [l, t, r, b] = line(box, chosen ? ACCENT : LINE);
      const [wide, high] = [context.measureText(name).width + 6 * dpr, 15 * dpr];
      const y = t >= high ? t - high : t;
      context.fillStyle = chosen ? ACCENT : SHADE;
      context.fillRect(l, y, wide, high);
      context.fillStyle = chosen ? "#000" : "#fff";
      context.fillText(name, l + 3 * dpr, y + 11 * dpr);
      if (!chosen) return;
      const grip = Math.round(2.5 * dpr);
      context.fillStyle = ACCENT;
      for (const x of [l, (l + r) / 2, r])
        for (const z of [t, (t + b) / 2, b])
          if (x !== (l + r) / 2 || z !== (t + b) / 2) context.fillRect(x - grip, z - grip, 2 * grip, 2 * grip);
    });
    if (scene.rubber) line(scene.rubber, ACCENT);
  }

  /** A part enlarged in a corner. @param {Scene} scene @param {Picture} picture @param {number[]} box */
  #loupe(scene, picture, box) {
    const { context, canvas } = this;
    const { frame, dpr } = scene;
    const [wide, high] = [box[2] - box[0], box[3] - box[1]];
    const room = 0.45 * Math.min(canvas.width, canvas.height);
    const k = room / Math.max(wide, high);
    const [w, h] = [Math.round(wide * k), Math.round(high * k)];
    const gap = Math.round(6 * dpr);
    const [x, y] = [scene.loupeLeft ? gap : canvas.width - w - gap, canvas.height - h - gap];
    const inner = bench(2, w, h);
    const at = { s: k, x: -box[0] * k, y: -box[1] * k };
    picture.draw(inner, mapping(picture, { frame, at, dpr: 1 }), w, h);
    context.fillStyle = SHADE;
    context.fillRect(x - 2 * dpr, y - 2 * dpr, w + 4 * dpr, h + 4 * dpr);
    context.fillStyle = ACCENT;
    context.fillRect(x - dpr, y - dpr, w + 2 * dpr, h + 2 * dpr);
    context.clearRect(x, y, w, h);
    context.drawImage(inner.canvas, x, y);
  }

  /** Count the values in view. @param {Scene} scene */
  measure(scene) {
    if (!this.picture) return;
    const { frame, at } = scene;
    const k = Math.min(256 / scene.width, 256 / scene.height, 1);
    const [wide, high] = [Math.ceil(scene.width * k), Math.ceil(scene.height * k)];
    const context = bench(0, wide, high);
    const map = mapping(this.picture, { frame, at: { s: at.s * k, x: at.x * k, y: at.y * k }, dpr: 1 });
    this.picture.draw(context, map, wide, high, false, true);
    this.counts = histogram(context.getImageData(0, 0, wide, high).data);
  }

  /** @param {Uint32Array[]} counts @param {number} dpr */
  #histogram(counts, dpr) {
    const { context, canvas } = this;
    const [wide, high] = [Math.min(canvas.width, 160 * dpr), 56 * dpr];
    const [x, y] = [6 * dpr, canvas.height - high - 6 * dpr];
    context.fillStyle = "rgba(0, 0, 0, 0.7)";
    context.fillRect(x, y, wide, high);
    const most = Math.max(1, ...counts.flatMap((each) => [...each.slice(1, -1)]), Math.max(...counts[0]) / 8);
    context.save();
    context.globalCompositeOperation = "lighter";
    ["#b3403a", "#3a9a48", "#3a5fc4"].forEach((fill, channel) => {
      context.fillStyle = fill;
      counts[channel].forEach((count, n) => {
        const tall = Math.min(1, count / most) * (high - 4 * dpr);
        context.fillRect(x + (n * wide) / 64, y + high - tall, wide / 64, tall);
      });
    });
    context.restore();
  }

  /** Show where the pointer is, above the canvas, which need not be drawn again. @param {Placing} at @param {{x: number, y: number} | null} pointer */
  mark(at, pointer) {
    this.marker.hidden = !pointer;
    if (!pointer) return;
    const side = Math.max(at.s, 7);
    const [x, y] = [Math.floor(pointer.x) + 0.5, Math.floor(pointer.y) + 0.5].map((each) => each * at.s - side / 2);
    this.marker.style.width = this.marker.style.height = `${side}px`;
    this.marker.style.transform = `translate(${at.x + x}px, ${at.y + y}px)`;
  }
}

/** How a picture's pixels become a canvas's.
 * @param {Picture} picture @param {{frame: import("./geometry.js").Size, at: Placing, dpr: number}} scene @returns {Mapping} */
export function mapping(picture, { frame, at, dpr }) {
  const part = laid(picture, frame);
  const scale = at.s * dpr;
  return {
    x: at.x * dpr + part.x * scale,
    y: at.y * dpr + part.y * scale,
    kx: (part.width * scale) / picture.width,
    ky: (part.height * scale) / picture.height,
  };
}
