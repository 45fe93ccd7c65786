// Pictures as bitmaps: decoded once, in tiles where they are large, drawn in part, and closed when they go.
import { clamp } from "./geometry.js";

/** @typedef {{x: number, y: number, width: number, height: number, data: string | DataView | ArrayBuffer}} Encoded */
/** @typedef {{width: number, height: number, tiles: Encoded[], overview: Encoded["data"] | null}} Content */
/** How picture pixels become canvas pixels: X = x + px * kx. @typedef {{x: number, y: number, kx: number, ky: number}} Mapping */
/** @typedef {{x: number, y: number, width: number, height: number, data: Encoded["data"], bitmap: ImageBitmap | null, wanted: boolean, used: number}} Tile */

const DECODED = 128e6; // pixels of tiles that are kept decoded, beyond those in sight
let clock = 0;
/** @type {Set<Tile>} */
const decoded = new Set();

/** Begin a frame: what it draws is in sight. */
export function nextFrame() {
  clock++;
}

/** Close tiles that were out of sight for longest, where there are too many. */
export function tidy() {
  let total = 0;
  for (const tile of decoded) total += tile.width * tile.height;
  for (const tile of [...decoded].sort((a, b) => a.used - b.used)) {
    if (total <= DECODED || tile.used === clock) return;
    total -= tile.width * tile.height;
    release(tile);
  }
}

/** @param {Tile} tile */
function release(tile) {
  tile.bitmap?.close();
  tile.bitmap = null;
  tile.wanted = false;
  decoded.delete(tile);
}

/** @param {Encoded["data"]} data @returns {Promise<ImageBitmap>} */
function decode(data) {
  /** @type {BlobPart} */
  let bytes;
  if (typeof data === "string") {
    const text = atob(data);
    const made = new Uint8Array(text.length);
    for (let n = 0; n < text.length; n++) made[n] = text.charCodeAt(n);
    bytes = made;
  } else bytes = /** @type {BlobPart} */ (data);
  // The very values of the file: no profile of the screen, and no alpha.
  return createImageBitmap(new Blob([bytes]), { colorSpaceConversion: "none", premultiplyAlpha: "none" });
}

/** @param {number} width @param {number} height */
export function scratch(width, height) {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw new Error("this browser has no canvas");
  return context;
}

/** @type {CanvasRenderingContext2D | null} */
let probe = null;

export class Picture {
  /** @param {Content} content */
  constructor(content) {
    this.width = content.width;
    this.height = content.height;
    /** @type {Tile[]} */
    this.tiles = content.tiles.map((each) => ({ ...each, bitmap: null, wanted: false, used: 0 }));
    this.content = content;
    /** @type {ImageBitmap | null} */
    this.base = null;
    this.closed = false;
    /** Called when a tile has come. @type {() => void} */
    this.changed = () => {};
  }

  /** Decode what is seen of it first. */
  async open() {
    const bitmap = await decode(this.content.overview ?? this.tiles[0].data);
    if (this.closed) bitmap.close();
    else this.base = bitmap;
    return this;
  }

  close() {
    this.closed = true;
    this.base?.close();
    this.base = null;
    this.tiles.forEach(release);
  }

  /** @param {Tile} tile */
  async fetch(tile) {
    if (tile.wanted) return;
    tile.wanted = true;
    const bitmap = await decode(tile.data);
    if (this.closed || !tile.wanted) return bitmap.close();
    tile.bitmap = bitmap;
    tile.used = clock;
    decoded.add(tile);
    this.changed();
  }

  /**
   * Draw what the canvas shows of it: sharp pixels beyond 1:1, smooth below.
   * @param {CanvasRenderingContext2D} context @param {Mapping} at @param {number} width @param {number} height
   * @param {boolean} [moving] quickly, as it is drawn again at rest @param {boolean} [pixelated] never smooth
   */
  draw(context, at, width, height, moving = false, pixelated = false) {
    if (!this.base) return;
    context.imageSmoothingEnabled = !pixelated && Math.min(at.kx, at.ky) < 1;
    context.imageSmoothingQuality = moving ? "low" : "high";
    drawPart(context, this.base, { x: 0, y: 0, width: this.width, height: this.height }, at, width, height);
    const coarse = this.width / this.base.width;
    if (this.tiles.length < 2 || at.kx * coarse <= 1) return;
    for (const tile of this.tiles) {
      const [left, top] = [at.x + tile.x * at.kx, at.y + tile.y * at.ky];
      const out = left >= width || top >= height || left + tile.width * at.kx <= 0 || top + tile.height * at.ky <= 0;
      if (out) continue;
      tile.used = clock;
      if (tile.bitmap) drawPart(context, tile.bitmap, tile, at, width, height);
      else void this.fetch(tile);
    }
  }

  /** The value of a pixel, or null while it is on its way. @param {number} x @param {number} y @returns {number[] | null} */
  value(x, y) {
    if (!(x >= 0 && y >= 0 && x < this.width && y < this.height) || !this.base) return null;
    [x, y] = [Math.floor(x), Math.floor(y)];
    let [bitmap, left, top] = [/** @type {ImageBitmap | null} */ (this.base), 0, 0];
    if (this.tiles.length > 1) {
      const tile = this.tiles.find((t) => x >= t.x && y >= t.y && x < t.x + t.width && y < t.y + t.height);
      if (!tile) return null;
      if (!tile.bitmap) void this.fetch(tile);
      tile.used = clock;
      [bitmap, left, top] = [tile.bitmap, tile.x, tile.y];
    }
    if (!bitmap) return null;
    probe ??= scratch(1, 1);
    probe.drawImage(bitmap, x - left, y - top, 1, 1, 0, 0, 1, 1);
    return [...probe.getImageData(0, 0, 1, 1).data.slice(0, 3)];
  }
}

/**
 * Draw what the canvas shows of a bitmap that covers a part of a picture.
 * @param {CanvasRenderingContext2D} context @param {ImageBitmap} bitmap
 * @param {{x: number, y: number, width: number, height: number}} part @param {Mapping} at
 * @param {number} width @param {number} height of the canvas
 */
function drawPart(context, bitmap, part, at, width, height) {
  const [kx, ky] = [(at.kx * part.width) / bitmap.width, (at.ky * part.height) / bitmap.height];
  const [x, y] = [at.x + part.x * at.kx, at.y + part.y * at.ky];
  // Whole pixels of the bitmap, so that none is drawn at another size than the rest.
  const left = clamp(Math.floor(-x / kx), 0, bitmap.width);
  const top = clamp(Math.floor(-y / ky), 0, bitmap.height);
  const right = clamp(Math.ceil((width - x) / kx), 0, bitmap.width);
  const bottom = clamp(Math.ceil((height - y) / ky), 0, bitmap.height);
  if (right <= left || bottom <= top) return;
  const [w, h] = [right - left, bottom - top];
  context.drawImage(bitmap, left, top, w, h, x + left * kx, y + top * ky, w * kx, h * ky);
}
