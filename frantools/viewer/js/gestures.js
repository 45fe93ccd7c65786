// Pointers, wheels and pinches, told as zooms and drags.

/** A press that continues as a drag. @typedef {{move: (x: number, y: number) => void, end: (x: number, y: number, still: boolean) => void}} Drag */
/** @typedef {{press: (x: number, y: number, event: PointerEvent) => Drag | null, hover: (x: number, y: number) => void,
 *   leave: () => void, double: () => void, zoom: (x: number, y: number, factor: number) => void,
 *   pan: (dx: number, dy: number) => void, rest: () => void, takesWheel: (event: WheelEvent) => boolean}} Handlers */

const STILL = 4; // CSS pixels: a shorter drag is a click
const REST = 150; // milliseconds after which a wheel has come to rest
const ENDS = /** @type {const} */ (["pointerup", "pointercancel", "lostpointercapture"]);

/** Whether the button of a press is up: its release may have been outside the window, which no event says.
 * @param {PointerEvent} event of a move @param {number} button */
function isReleased(event, button) {
  return !(event.buttons & (button === 1 ? 4 : 1));
}

/** Whether a menu opens that takes a mouse's release; a finger that rests opens none. @param {MouseEvent} event */
function takesRelease(event) {
  return !(event instanceof PointerEvent && event.pointerType === "touch");
}

/** Follow a pointer that is down on an element, until it is released or lost.
 * @param {HTMLElement} element @param {PointerEvent} down @param {(event: PointerEvent) => void} move @param {AbortSignal} signal */
export function follow(element, down, move, signal) {
  element.setPointerCapture(down.pointerId);
  const drag = new AbortController();
  const options = { signal: AbortSignal.any([signal, drag.signal]) };
  element.addEventListener("pointermove", (event) => {
    if (event.pointerId !== down.pointerId) return;
    if (isReleased(event, down.button)) drag.abort();
    else move(event);
  }, options);
  for (const kind of ENDS) element.addEventListener(kind, (event) => event.pointerId === down.pointerId && drag.abort(), options);
  element.addEventListener("contextmenu", (event) => takesRelease(event) && drag.abort(), options);
}

/** @param {HTMLElement} element @param {Handlers} handlers @param {AbortSignal} signal */
export function listen(element, handlers, signal) {
  /** @type {Map<number, {x: number, y: number, button: number}>} */
  const pointers = new Map();
  /** @type {Drag | null} */
  let drag = null;
  let start = { x: 0, y: 0 };
  let moved = false;
  let pinched = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  /** @param {MouseEvent} event */
  const local = (event) => {
    const box = element.getBoundingClientRect();
    // A page that is scaled by a style has other pixels than its screen.
    const scale = element.offsetWidth ? box.width / element.offsetWidth : 1;
    return { x: (event.clientX - box.left) / scale, y: (event.clientY - box.top) / scale };
  };
  const span = () => {
    const [a, b] = [...pointers.values()];
    return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2, length: Math.max(1, Math.hypot(a.x - b.x, a.y - b.y)) };
  };
  const restLater = () => {
    clearTimeout(timer);
    timer = setTimeout(handlers.rest, REST);
  };
  signal.addEventListener("abort", () => clearTimeout(timer));

  /** @param {number} id @param {boolean} [still] whether it was a click */
  const release = (id, still = false) => {
    const at = pointers.get(id);
    if (!at) return;
    pointers.delete(id);
    if (drag && !pinched) drag.end(at.x, at.y, still);
    drag = null;
    if (!pointers.size) handlers.rest();
  };
  const releaseAll = () => [...pointers.keys()].forEach((id) => release(id));

  element.addEventListener("pointerdown", (event) => {
    if (event.isPrimary) releaseAll(); // a finger that is still here was lifted elsewhere
    if (event.button > 1 || pointers.size > 1) return;
    element.setPointerCapture(event.pointerId);
    const at = local(event);
    pointers.set(event.pointerId, { ...at, button: event.button });
    if (pointers.size === 2) {
      drag?.end(start.x, start.y, false);
      [drag, pinched] = [null, true];
    } else {
      [start, moved, pinched] = [at, false, false];
      drag = handlers.press(at.x, at.y, event);
    }
  }, { signal });

  element.addEventListener("pointermove", (event) => {
    const at = local(event);
    const before = pointers.get(event.pointerId);
    if (before && isReleased(event, before.button)) release(event.pointerId);
    if (!before || !pointers.has(event.pointerId)) return handlers.hover(at.x, at.y);
    const old = pointers.size === 2 ? span() : null;
    pointers.set(event.pointerId, { ...before, ...at });
    if (old) {
      const now = span();
      handlers.pan(now.x - old.x, now.y - old.y);
      handlers.zoom(now.x, now.y, now.length / old.length);
      return;
    }
    moved ||= Math.hypot(at.x - start.x, at.y - start.y) >= STILL;
    if (moved) drag?.move(at.x, at.y);
    handlers.hover(at.x, at.y);
  }, { signal });

  element.addEventListener("pointerup", (event) => release(event.pointerId, !moved), { signal });
  element.addEventListener("pointercancel", (event) => release(event.pointerId), { signal });
  element.addEventListener("lostpointercapture", (event) => release(event.pointerId), { signal });
  element.addEventListener("contextmenu", (event) => takesRelease(event) && releaseAll(), { signal });
  element.addEventListener("pointerleave", () => pointers.size || handlers.leave(), { signal });
  element.addEventListener("dblclick", () => handlers.double(), { signal });

  element.addEventListener("wheel", (event) => {
    if (!handlers.takesWheel(event)) return;
    event.preventDefault();
    event.stopPropagation();
    const lines = event.deltaMode === 1 ? 16 : event.deltaMode === 2 ? 400 : 1;
    const step = Math.min(Math.max(event.deltaY * lines, -200), 200);
    const at = local(event);
    // A pinch on a trackpad comes as a wheel with Ctrl, in small steps.
    handlers.zoom(at.x, at.y, Math.exp(-step * (event.ctrlKey && Math.abs(step) < 40 ? 0.01 : 0.002)));
    restLater();
  }, { signal, passive: false });
}
