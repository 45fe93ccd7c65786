// What a pointer does in a pane.
import { clamp, panned } from "./geometry.js";

/** @typedef {import("./viewer.js").Viewer} Viewer */
/** @typedef {import("./pane.js").Pane} Pane */

/** The pointer is at a place in a pane, or in none. @param {Viewer} viewer @param {Pane | null} pane @param {number} x @param {number} y */
export function point(viewer, pane, x, y) {
  const { at, frame } = viewer;
  const [fx, fy] = [(x - at.x) / at.s, (y - at.y) / at.s];
  const inside = pane && fx >= 0 && fy >= 0 && fx < frame.width && fy < frame.height;
  viewer.pointer = inside ? { x: fx, y: fy } : null;
  viewer.invalidate(viewer.mode.loupe && !viewer.boxes.current ? "all" : "pointer");
  if (pane) {
    viewer.current = pane.title;
    const edge = viewer.mode.curtain && Math.abs(x - viewer.mode.edge * viewer.pane.width) < 8;
    pane.box.style.cursor = edge ? "ew-resize" : viewer.boxes.cursor(fx, fy, 7 / at.s);
  }
}

/** What a press in a pane takes hold of: the curtain's edge, a box, or the picture.
 * @param {Viewer} viewer @param {Pane} pane @param {number} x @param {number} y @param {PointerEvent} event
 * @returns {import("./gestures.js").Drag | null} */
export function press(viewer, pane, x, y, event) {
  event.preventDefault(); // which would take the focus elsewhere
  viewer.root.focus({ preventScroll: true });
  viewer.current = pane.title;
  const { at, frame, boxes } = viewer;
  const [fx, fy, near] = [(x - at.x) / at.s, (y - at.y) / at.s, 7 / at.s];
  const commit = () => viewer.commit();
  if (viewer.mode.curtain && Math.abs(x - viewer.mode.edge * viewer.pane.width) < 8) {
    const move = (/** @type {number} */ to) => {
      viewer.mode.edge = clamp(to / viewer.pane.width, 0, 1);
      viewer.invalidate();
    };
    return { move, end: () => {} };
  }
  if (boxes.drawing && event.button === 0) {
    const move = (/** @type {number} */ to, /** @type {number} */ down) => {
      boxes.draw(fx, fy, (to - at.x) / at.s, (down - at.y) / at.s, frame);
      viewer.invalidate();
    };
    return { move, end: (_x, _y, still) => {
      if (!still) boxes.add(boxes.rubber);
      [boxes.rubber, boxes.drawing] = [null, false];
      viewer.invalidate();
      commit();
    } };
  }
  const { n, part } = event.button === 0 ? boxes.hold(fx, fy, near) : { n: -1, part: "" };
  if (part) boxes.chosen = n;
  const before = boxes.current ? [...boxes.current.box] : [];
  let last = { x, y };
  return {
    move: (to, down) => {
      if (part) boxes.shift(before, part, (to - x) / at.s, (down - y) / at.s, frame);
      else viewer.look(panned(viewer.at, frame, viewer.pane, to - last.x, down - last.y));
      last = { x: to, y: down };
      viewer.invalidate();
    },
    end: (_x, _y, still) => {
      if (still) boxes.chosen = boxes.at(fx, fy, near);
      viewer.invalidate();
      commit();
      if (still && boxes.current) viewer.exchange.send({ kind: "box", name: boxes.current.name });
    },
  };
}
