// What is said of the pixel under the pointer.
import { differenceText, valueText } from "./difference.js";
import { laid } from "./geometry.js";
import { write } from "./pane.js";

/** @typedef {import("./pane.js").Pane} Pane */
/** @typedef {import("./geometry.js").Size} Size */

/** The value of a pane's picture at a point of the frame. @param {import("./pictures.js").Picture | null} picture @param {Size} frame @param {{x: number, y: number}} point */
export function valueAt(picture, frame, point) {
  if (!picture) return null;
  const part = laid(picture, frame);
  // The middle of the frame's pixel, as it is the same whatever part of it the pointer is at.
  const x = ((Math.floor(point.x) + 0.5 - part.x) * picture.width) / part.width;
  const y = ((Math.floor(point.y) + 0.5 - part.y) * picture.height) / part.height;
  return picture.value(x, y);
}

/**
 * Write the values under the pointer below all panes, and say those of one.
 * @param {Iterable<Pane>} panes @param {Pane | null} reference @param {Size} frame
 * @param {{x: number, y: number} | null} point @param {boolean} fractions @param {string} title of the pane pointed at
 * @returns {string}
 */
export function tellValues(panes, reference, frame, point, fractions, title) {
  const other = point && valueAt(reference?.picture ?? null, frame, point);
  let said = "";
  for (const pane of panes) {
    const value = point && valueAt(pane.picture, frame, point);
    const off = value && other && pane !== reference ? `  \u0394 ${differenceText(value, other, fractions)}` : "";
    write(pane.values, value ? valueText(value, fractions) + off : "");
    if (!value || pane.title !== title) continue;
    const both = `${valueText(value, false)} \u00b7 ${valueText(value, true)}`;
    const apart = value && other && pane !== reference
      ? ` \u00b7 \u0394 ${differenceText(value, other, false)} \u00b7 ${differenceText(value, other, true)}` : "";
    said = both + apart;
  }
  return said;
}
