// What keys do, and the list of them.

/** @typedef {{keys: string[], label: string, does: string, act: string}} Binding */

/** @type {Binding[]} */
export const BINDINGS = [
  { keys: [], label: "1 … 9", does: "one picture alone, and back", act: "" },
  { keys: ["0"], label: "0", does: "all pictures", act: "all" },
  { keys: ["ArrowLeft", "ArrowUp"], label: "← →", does: "the previous, the next picture", act: "previous" },
  { keys: ["ArrowRight", "ArrowDown"], label: "", does: "", act: "next" },
  { keys: ["Enter"], label: "Enter", does: "that picture alone, and back", act: "toggle" },
  { keys: [" "], label: "Space", does: "hold: the reference in all panes", act: "hold" },
  { keys: ["b"], label: "B", does: "blink with the reference", act: "blink" },
  { keys: ["c"], label: "C", does: "curtain: the reference on the left; drag its edge", act: "curtain" },
  { keys: ["d"], label: "D", does: "difference to the reference: signed, absolute, off", act: "difference" },
  { keys: ["["], label: "[ ]", does: "narrower, wider range of the difference", act: "narrower" },
  { keys: ["]"], label: "", does: "", act: "wider" },
  { keys: ["+", "="], label: "+ −", does: "zoom in and out; also the wheel", act: "closer" },
  { keys: ["-", "_"], label: "", does: "", act: "farther" },
  { keys: [], label: "Shift + arrows", does: "pan; also drag", act: "" },
  { keys: ["z"], label: "Z", does: "pixel for pixel", act: "pixels" },
  { keys: ["r"], label: "R", does: "reset: the whole picture, plainly; also double click", act: "reset" },
  { keys: ["m"], label: "M", does: "draw a box; Enter draws one in the middle", act: "draw" },
  { keys: ["n"], label: "N", does: "choose the next box", act: "box" },
  { keys: [], label: "Alt + arrows", does: "move the chosen box; with Shift, resize it", act: "" },
  { keys: ["Delete", "Backspace"], label: "Delete", does: "remove the chosen box", act: "remove" },
  { keys: ["l"], label: "L", does: "loupe: the chosen box, or what is under the pointer, enlarged", act: "loupe" },
  { keys: ["h"], label: "H", does: "histogram of what is in view", act: "histogram" },
  { keys: ["v"], label: "V", does: "values in 0 to 255, or 0 to 1", act: "values" },
  { keys: ["?"], label: "?", does: "these keys", act: "help" },
  { keys: ["Escape"], label: "Esc", does: "out of what is open; then out of the viewer", act: "leave" },
];

const ARROWS = /** @type {Record<string, number[]>} */ ({
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
});

/** Keys that are no letters and no digits, by their place on the keyboard. @type {Record<string, string>} */
const PLACES = { Space: " ", BracketLeft: "[", BracketRight: "]" };

/** @typedef {{key: string, shiftKey: boolean, altKey: boolean, ctrlKey: boolean, metaKey: boolean, code?: string,
 *   isComposing?: boolean, getModifierState?: (name: string) => boolean}} Key */

/** The character of a key on any layout: the one it types if that is Latin, else the one of a Latin keyboard.
 * @param {Key} event @param {boolean} graph whether AltGr is down */
export function character({ key, code = "", shiftKey }, graph = false) {
  const typed = key.length === 1 ? key.toLowerCase() : key;
  if (graph || typed === "?") return typed;
  // French and Czech keyboards type their digits with Shift.
  if (/^Digit\d$/.test(code) && !shiftKey && !/^[a-z\d]$/.test(typed)) return code.slice(-1);
  const latin = /^[ -~]+$/.test(typed) && !["Dead", "Process", "Unidentified"].includes(typed);
  if (latin) return typed;
  if (/^(Key|Numpad)\w$/.test(code)) return code.slice(-1).toLowerCase();
  if (code === "Slash" && shiftKey) return "?";
  return PLACES[code] ?? "";
}

/**
 * What a key asks for: the name of an action, with its arguments; "" for nothing.
 * @param {Key} event
 * @returns {[string, ...number[]]}
 */
export function meaning(event) {
  const graph = event.getModifierState?.("AltGraph") ?? false; // which is Ctrl and Alt on Windows
  if (event.isComposing || (!graph && (event.ctrlKey || event.metaKey))) return [""];
  const arrow = ARROWS[event.key];
  if (arrow && event.altKey) return [event.shiftKey ? "resize" : "move", ...arrow];
  if (arrow && event.shiftKey) return ["pan", ...arrow];
  if (event.altKey && !graph) return [""];
  const key = character(event, graph);
  if (/^[1-9]$/.test(key)) return ["alone", Number(key)];
  return [BINDINGS.find((each) => each.keys.includes(key))?.act ?? ""];
}
