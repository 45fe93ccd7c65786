// Where things are: of views, panes and pictures. Nothing here knows the page.
//
// A view is a rectangle in fractions of the frame, a frame {width, height} in pixels, a pane {width, height} in CSS
// pixels. A placing {s, x, y} says that a frame pixel is s CSS pixels, and where in the pane the frame's corner is.

/** @typedef {{x: number, y: number, width: number, height: number}} Rect */
/** @typedef {{width: number, height: number}} Size */
/** @typedef {{s: number, x: number, y: number}} Placing */
/** @typedef {{name: string, box: number[]}} Box */

/** @type {Readonly<Rect>} */
export const FULL = Object.freeze({ x: 0, y: 0, width: 1, height: 1 });
export const LARGEST = 512; // CSS pixels that a frame pixel becomes at most
const LARGER = 1.25; // times as large as in fewer rows: what another row is worth
const LEGIBLE = 190; // CSS pixels that a pane's texts are wide

/** @param {number} value @param {number} low @param {number} high */
export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

/** What of a view lies within the frame; something always does. @param {Rect} view @returns {Rect} */
export function clip(view) {
  const width = clamp(view.width, 1e-6, 1);
  const height = clamp(view.height, 1e-6, 1);
  const x = clamp(view.x, 0, 1);
  const y = clamp(view.y, 0, 1);
  const right = clamp(view.x + view.width, 0, 1);
  const bottom = clamp(view.y + view.height, 0, 1);
  return {
    x: right > x ? x : clamp(view.x, 0, 1 - width),
    y: bottom > y ? y : clamp(view.y, 0, 1 - height),
    width: right > x ? right - x : width,
    height: bottom > y ? bottom - y : height,
  };
}

/** @param {Rect} a @param {Rect} b @param {number} [slack] */
export function same(a, b, slack = 1e-9) {
  const near = (/** @type {number} */ p, /** @type {number} */ q) => Math.abs(p - q) <= slack;
  return near(a.x, b.x) && near(a.y, b.y) && near(a.width, b.width) && near(a.height, b.height);
}

/**
 * The scale at which all is seen: alone, a whole number of screen pixels for a pixel, where that fits.
 * @param {Size} frame @param {Size} pane @param {boolean} alone @param {number} dpr
 */
export function home(frame, pane, alone, dpr) {
  const fit = Math.min(pane.width / frame.width, pane.height / frame.height);
  return alone && fit * dpr >= 1 ? Math.floor(fit * dpr + 1e-6) / dpr : fit;
}

/**
 * How a view is placed in a pane: all of it is seen, and no margin is left where the picture could fill it.
 * @param {Rect} view @param {Size} frame @param {Size} pane @param {number} least the scale at home
 * @returns {Placing}
 */
export function place(view, frame, pane, least) {
  const whole = same(view, FULL);
  const fits = Math.min(pane.width / (view.width * frame.width), pane.height / (view.height * frame.height));
  const s = whole ? least : clamp(fits, Math.min(least, fits), Math.max(LARGEST, least));
  const x = pane.width / 2 - (view.x + view.width / 2) * frame.width * s;
  const y = pane.height / 2 - (view.y + view.height / 2) * frame.height * s;
  return { s, x: settled(x, frame.width * s, pane.width), y: settled(y, frame.height * s, pane.height) };
}

/** @param {number} at @param {number} length of the picture @param {number} room of the pane */
function settled(at, length, room) {
  return length <= room ? (room - length) / 2 : clamp(at, room - length, 0);
}

/** What of the frame a pane shows, margins included. @param {Placing} p @param {Size} frame @param {Size} pane */
export function shown(p, frame, pane) {
  const [wide, high] = [frame.width * p.s, frame.height * p.s];
  return { x: -p.x / wide, y: -p.y / high, width: pane.width / wide, height: pane.height / high };
}

/**
 * The view after zooming by a factor about a point of the pane, which stays where it is.
 * @param {Placing} p @param {Size} frame @param {Size} pane @param {number} least
 * @param {number} x @param {number} y @param {number} factor @returns {Rect}
 */
export function zoomed(p, frame, pane, least, x, y, factor) {
  const s = clamp(p.s * factor, least, Math.max(LARGEST, least));
  if (s <= least * (1 + 1e-9)) return { ...FULL };
  const grown = s / p.s;
  const next = { s, x: x - (x - p.x) * grown, y: y - (y - p.y) * grown };
  next.x = settled(next.x, frame.width * s, pane.width);
  next.y = settled(next.y, frame.height * s, pane.height);
  return shown(next, frame, pane);
}

/** The view after a drag. @param {Placing} p @param {Size} frame @param {Size} pane @param {number} dx @param {number} dy */
export function panned(p, frame, pane, dx, dy) {
  const x = settled(p.x + dx, frame.width * p.s, pane.width);
  const y = settled(p.y + dy, frame.height * p.s, pane.height);
  return shown({ s: p.s, x, y }, frame, pane);
}

/**
 * The grid in which pictures of an aspect are largest.
 * @param {number} count @param {number} width @param {number} height @param {number} aspect width by height
 * @param {(wide: number) => number} around CSS pixels of a pane of a width that are not picture @param {number} gap
 * @param {number} below CSS pixels of what stands below the panes, or beside the last of them where there is room
 * @returns {{columns: number, width: number, height: number, free: number}} of a pane's picture, and how many cells are free
 */
export function arrange(count, width, height, aspect, around, gap, below) {
  let best = { columns: 1, width: 1, height: 1, free: 0 };
  let [most, lines] = [0, Infinity];
  for (let columns = 1; columns <= count; columns++) {
    const rows = Math.ceil(count / columns);
    const wide = Math.max(1, Math.floor((width - gap * (columns - 1)) / columns));
    const free = rows * columns - count;
    const room = Math.max(48, Math.floor((height - gap * (rows - 1) - (free ? 0 : below)) / rows) - around(wide));
    const high = Math.max(1, Math.round(Math.min(room, wide / aspect)));
    const size = Math.min(wide, high * aspect) * Math.sqrt(count / (rows * columns)); // free cells are room lost
    // In fewer rows, side by side, where more rows gain little and there is room for a line of text.
    const flatter = rows < lines && size * LARGER > most && wide >= LEGIBLE;
    if (size > most * 1.001 || flatter) {
      [best, most, lines] = [{ columns, width: wide, height: high, free }, Math.max(size, most), rows];
    }
  }
  return best;
}

/** Where a picture of another aspect than the frame's lies in it: whole and centred, in frame pixels.
 * @param {Size} picture @param {Size} frame @returns {Rect} */
export function laid(picture, frame) {
  const off = (picture.width * frame.height) / (picture.height * frame.width);
  const { width, height } = frame;
  if (Math.abs(Math.log(off)) < 0.03) return { x: 0, y: 0, width, height };
  const wide = off > 1 ? width : width * off;
  const high = off > 1 ? height / off : height;
  return { x: (width - wide) / 2, y: (height - high) / 2, width: wide, height: high };
}

/** A round number of frame pixels that is 50 to 130 CSS pixels long, or as near as whole pixels allow. @param {number} s */
export function scaleBar(s) {
  const wanted = 50 / s;
  const power = 10 ** Math.floor(Math.log10(wanted));
  const step = [1, 2, 5, 10].find((each) => each * power >= wanted) ?? 10;
  const length = Math.max(1, Math.round(step * power));
  return { length, width: length * s };
}

/** How large a pixel is, in words. @param {number} s CSS pixels @param {number} dpr */
export function magnification(s, dpr) {
  const screen = s * dpr;
  const rounded = screen >= 10 ? Math.round(screen) : Math.round(screen * 10) / 10;
  return screen >= 0.995 ? `${rounded}:1` : `${Math.round(screen * 100)} %`;
}

// Boxes: [left, top, right, bottom] in frame pixels, right and bottom exclusive.

/** @param {number[]} box @param {number} x @param {number} y @param {number} near in frame pixels @returns {string} */
export function grasp(box, x, y, near) {
  const [left, top, right, bottom] = box;
  if (x < left - near || x > right + near || y < top - near || y > bottom + near) return "";
  const inner = (/** @type {number} */ length) => Math.min(near, length / 4);
  const [nearX, nearY] = [inner(right - left), inner(bottom - top)];
  const west = x < left + nearX;
  const east = x > right - nearX;
  const north = y < top + nearY;
  const south = y > bottom - nearY;
  return (north ? "n" : south ? "s" : "") + (west ? "w" : east ? "e" : "") || "move";
}

/** @param {number[]} box @param {string} part @param {number} dx @param {number} dy @param {Size} frame @returns {number[]} */
export function shifted(box, part, dx, dy, frame) {
  let [left, top, right, bottom] = box;
  if (part === "move") {
    const x = clamp(Math.round(dx), -left, frame.width - right);
    const y = clamp(Math.round(dy), -top, frame.height - bottom);
    return [left + x, top + y, right + x, bottom + y];
  }
  if (part.includes("w")) left = clamp(Math.round(left + dx), 0, right - 1);
  if (part.includes("e")) right = clamp(Math.round(right + dx), left + 1, frame.width);
  if (part.includes("n")) top = clamp(Math.round(top + dy), 0, bottom - 1);
  if (part.includes("s")) bottom = clamp(Math.round(bottom + dy), top + 1, frame.height);
  return [left, top, right, bottom];
}

/** The box between two points, of the pixels that it touches; null where it leaves none.
 * @param {number} x0 @param {number} y0 @param {number} x1 @param {number} y1 @param {Size} frame */
export function boxBetween(x0, y0, x1, y1, frame) {
  const left = clamp(Math.floor(Math.min(x0, x1)), 0, frame.width);
  const top = clamp(Math.floor(Math.min(y0, y1)), 0, frame.height);
  const right = clamp(Math.ceil(Math.max(x0, x1)), 0, frame.width);
  const bottom = clamp(Math.ceil(Math.max(y0, y1)), 0, frame.height);
  return right > left && bottom > top ? [left, top, right, bottom] : null;
}

/** A name that no box has. @param {Box[]} boxes */
export function freeName(boxes) {
  let number = boxes.length + 1;
  while (boxes.some((each) => each.name === String(number))) number++;
  return String(number);
}
