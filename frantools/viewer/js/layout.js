// How the panes are arranged on a screen, and on paper.
import { arrange } from "./geometry.js";

/** @typedef {import("./viewer.js").Viewer} Viewer */

const [GAP, NARROW, WIDE] = [8, 240, 460]; // CSS pixels: panes whose values take two lines, or stand beside the numbers
const [HEAD, ROW, ROWS] = [25, 16, 6]; // CSS pixels of a pane's title and of a line of its numbers, and how many at most
const PAPER = [718, 980]; // CSS pixels of what A4 and US letter both have within margins of a centimetre

/** @param {Viewer} viewer */
function countOf({ selected, panes }) {
  return selected === null ? panes.size : 1;
}

/** How many lines the longest numbers take as the panes are. @param {Viewer} viewer */
function rowsOf({ panes }) {
  return Math.min(ROWS, Math.max(...[...panes.values()].map((pane) => Math.round(pane.numbers.offsetHeight / ROW))));
}

/** Arrange the panes so that no number is cut off. @param {Viewer} viewer */
export function arrangePanes(viewer) {
  let rows = 1;
  let made = arrangeFor(viewer, rows);
  for (let needed = rowsOf(viewer); needed > rows; needed = rowsOf(viewer)) made = arrangeFor(viewer, (rows = needed));
  arrangePaper(viewer, made, Math.max(rows, 3));
  return made;
}

/** Arrange the panes, whose numbers take so many lines. @param {Viewer} viewer @param {number} rows */
function arrangeFor(viewer, rows) {
  const { grid, root, bar, store, frame } = viewer;
  const outside = viewer.tabs.offsetHeight + viewer.caption.offsetHeight;
  const room = store.page ? window.innerHeight - outside - 20 : Math.max(360, 0.8 * window.innerHeight - outside);
  const own = (/** @type {number} */ wide) => Math.max(rows, wide < NARROW ? 2 : 1);
  const around = (/** @type {number} */ wide) => HEAD + ROW * own(wide);
  const made = arrange(countOf(viewer), grid.clientWidth, room, frame.width / frame.height, around, GAP, bar.below + GAP);
  grid.style.gridTemplateColumns = `repeat(${made.columns}, ${made.width}px)`;
  grid.style.setProperty("--ft-rows", String(own(made.width)));
  bar.fill(made.free);
  root.classList.toggle("ft-narrow", made.width < NARROW);
  root.classList.toggle("ft-wide", made.width >= WIDE);
  return made;
}

/** Arrange the panes on paper, either way up. @param {Viewer} viewer @param {import("./geometry.js").Size} pane @param {number} rows */
function arrangePaper(viewer, { width, height }, rows) {
  const { style } = viewer.grid;
  const caption = viewer.caption.hidden ? 0 : 4 * ROW;
  style.setProperty("--ft-aspect", `${width} / ${height}`);
  for (const [name, [wide, high]] of Object.entries({ portrait: PAPER, landscape: [PAPER[1], PAPER[0]] })) {
    const made = arrange(countOf(viewer), wide, high - caption, width / height, () => HEAD + ROW * rows, GAP, 0);
    style.setProperty(`--ft-${name}`, `repeat(${made.columns}, ${Math.floor(Math.min(made.width, (made.height * width) / height))}px)`);
  }
}
