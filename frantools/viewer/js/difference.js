// Differences of pixels, their colours, and histograms. Nothing here knows the page.

/** @typedef {"off" | "signed" | "absolute"} Difference */

/** @type {Difference[]} */
export const DIFFERENCES = ["off", "signed", "absolute"];
export const RANGES = { least: 2, most: 255, first: 64 };

const SIGNED = [[5, 48, 97], [67, 147, 195], [247, 247, 247], [214, 96, 77], [103, 0, 31]];
const ABSOLUTE = [[0, 0, 4], [81, 18, 124], [183, 55, 121], [252, 137, 97], [252, 253, 191]];

/** A colour of a map. @param {Difference} kind @param {number} share 0 to 1 @returns {number[]} */
export function colour(kind, share) {
  const stops = kind === "signed" ? SIGNED : ABSOLUTE;
  const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
  const low = Math.min(Math.floor(at), stops.length - 2);
  return stops[low].map((value, n) => Math.round(value + (stops[low + 1][n] - value) * (at - low)));
}

const STEPS = 511;
/** @type {Map<string, Uint8ClampedArray>} */
const tables = new Map();

/** @param {Difference} kind */
function table(kind) {
  let made = tables.get(kind);
  if (!made) {
    made = new Uint8ClampedArray(STEPS * 3);
    for (let n = 0; n < STEPS; n++) made.set(colour(kind, n / (STEPS - 1)), n * 3);
    tables.set(kind, made);
  }
  return made;
}

/**
 * Colour the difference of two pictures, instead of the first: the mean of the channels' differences, or of their
 * magnitudes, in which `range` is the end of the map.
 * @param {Uint8ClampedArray} a RGBA @param {Uint8ClampedArray} b RGBA @param {Difference} kind @param {number} range
 */
export function paintDifference(a, b, kind, range) {
  const map = table(kind);
  const signed = kind === "signed";
  for (let n = 0; n < a.length; n += 4) {
    const red = a[n] - b[n];
    const green = a[n + 1] - b[n + 1];
    const blue = a[n + 2] - b[n + 2];
    const mean = signed ? (red + green + blue) / 3 : (Math.abs(red) + Math.abs(green) + Math.abs(blue)) / 3;
    const share = signed ? 0.5 + mean / range / 2 : mean / range;
    const at = 3 * Math.round(Math.min(Math.max(share, 0), 1) * (STEPS - 1));
    a[n] = map[at];
    a[n + 1] = map[at + 1];
    a[n + 2] = map[at + 2];
  }
}

/** Counts of red, green and blue in 64 steps. @param {Uint8ClampedArray} data RGBA @returns {Uint32Array[]} */
export function histogram(data) {
  const counts = [new Uint32Array(64), new Uint32Array(64), new Uint32Array(64)];
  for (let n = 0; n < data.length; n += 4) {
    if (data[n + 3]) for (let channel = 0; channel < 3; channel++) counts[channel][data[n + channel] >> 2]++;
  }
  return counts;
}

/** The values of a pixel as text, 0 to 255 or 0 to 1. @param {number[]} value @param {boolean} fractions */
export function valueText(value, fractions) {
  return value.map((each) => (fractions ? (each / 255).toFixed(3) : String(each).padStart(3, "\u2007"))).join(" ");
}

/** What a pixel is above or below the reference's. @param {number[]} a @param {number[]} b @param {boolean} fractions */
export function differenceText(a, b, fractions) {
  const texts = a.map((each, n) => {
    const off = each - b[n];
    const size = fractions ? (Math.abs(off) / 255).toFixed(3) : String(Math.abs(off));
    return (off < 0 ? "\u2212" : off > 0 ? "+" : "\u00b1") + size;
  });
  return texts.join(" ");
}
