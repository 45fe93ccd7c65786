// What keys and tools do.
import { DIFFERENCES } from "./difference.js";
import { clip, FULL, panned, shown, zoomed } from "./geometry.js";

/** @typedef {import("./viewer.js").Viewer} Viewer */

/** @param {Viewer} viewer @param {string} name of an action, as in keys.js @param {number[]} args */
export function act(viewer, name, args) {
  const { mode, boxes, frame } = viewer;
  const titles = [...viewer.panes.keys()];
  const here = titles.indexOf(viewer.selected ?? viewer.current);
  const step = (/** @type {number} */ by) => {
    const title = titles[(here < 0 ? (by > 0 ? 0 : titles.length - 1) : here + by + titles.length) % titles.length];
    if (viewer.selected === null) viewer.current = title;
    else viewer.choose(title);
  };
  const zoom = (/** @type {number} */ factor) => viewer.look(
    zoomed(viewer.at, frame, viewer.pane, viewer.least, viewer.pane.width / 2, viewer.pane.height / 2, factor));
  const shift = (/** @type {string} */ part) => boxes.current && boxes.shift(boxes.current.box, part, args[0], args[1], frame);
  /** @type {Record<string, () => void>} */
  const acts = {
    alone: () => args[0] <= titles.length && viewer.choose(viewer.selected === titles[args[0] - 1] ? null : titles[args[0] - 1]),
    all: () => viewer.choose(null),
    previous: () => step(-1),
    next: () => step(1),
    toggle: () => {
      if (boxes.drawing) {
        const v = clip(shown(viewer.at, frame, viewer.pane));
        const [x, y, w, h] = [v.x * frame.width, v.y * frame.height, v.width * frame.width, v.height * frame.height];
        boxes.draw(x + 0.35 * w, y + 0.35 * h, x + 0.65 * w, y + 0.65 * h, frame);
        boxes.add(boxes.rubber);
        [boxes.rubber, boxes.drawing] = [null, false];
      } else viewer.choose(viewer.selected === null ? viewer.current || titles[0] : null);
    },
    hold: () => viewer.hold(true),
    blink: () => viewer.blink(!mode.blink),
    curtain: () => { mode.curtain = !mode.curtain; },
    difference: () => { mode.difference = DIFFERENCES[(DIFFERENCES.indexOf(mode.difference) + 1) % DIFFERENCES.length]; },
    narrower: () => viewer.setRange(mode.range / 1.25),
    wider: () => viewer.setRange(mode.range * 1.25),
    closer: () => zoom(1.25),
    farther: () => zoom(0.8),
    pixels: () => zoom(1 / viewer.dpr / viewer.at.s),
    pan: () => viewer.look(panned(viewer.at, frame, viewer.pane, -args[0] * viewer.pane.width * 0.15, -args[1] * viewer.pane.height * 0.15)),
    reset: () => {
      Object.assign(mode, { difference: DIFFERENCES[0], curtain: false, edge: 0.5, loupe: false, histogram: false });
      viewer.blink(false);
      [boxes.drawing, boxes.chosen] = [false, -1];
      viewer.look({ ...FULL });
    },
    draw: () => { boxes.drawing = !boxes.drawing; },
    box: () => { boxes.chosen = boxes.all.length ? (boxes.chosen + 1) % boxes.all.length : -1; },
    move: () => shift("move"),
    resize: () => shift("se"),
    remove: () => boxes.remove(),
    loupe: () => { mode.loupe = !mode.loupe; },
    histogram: () => { mode.histogram = !mode.histogram; },
    values: () => { mode.fractions = !mode.fractions; },
    help: () => { viewer.bar.help.hidden = !viewer.bar.help.hidden; },
    leave: () => leave(viewer),
  };
  acts[name]?.();
}

/** Out of what is open, and at last out of the viewer. @param {Viewer} viewer */
function leave(viewer) {
  const { boxes, bar } = viewer;
  if (!bar.help.hidden) bar.help.hidden = true;
  else if (boxes.drawing) boxes.drawing = false;
  else if (boxes.chosen >= 0) boxes.chosen = -1;
  else {
    const outer = /** @type {HTMLElement | null} */ (viewer.root.parentElement?.closest("[tabindex]"));
    viewer.root.blur();
    outer?.focus({ preventScroll: true });
  }
}
