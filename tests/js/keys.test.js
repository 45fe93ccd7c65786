import assert from "node:assert/strict";
import { test } from "node:test";

import { BINDINGS, character, meaning } from "../../frantools/viewer/js/keys.js";

const PLAIN = { shiftKey: false, altKey: false, ctrlKey: false, metaKey: false };
/** What each layout types with a key, by the key's code; and with Shift, in capitals of the code. */
const LAYOUTS = {
  Russian: { KeyB: "и", KeyC: "с", KeyD: "в", KeyM: "ь", KeyR: "к", KeyZ: "я", KeyH: "р", BracketLeft: "х", BracketRight: "ъ" },
  Greek: { KeyB: "β", KeyC: "ψ", KeyD: "δ", KeyM: "μ", KeyR: "ρ", KeyZ: "ζ", KeyN: "ν", KeyV: "ω", Digit7: "7" },
  Hebrew: { KeyB: "נ", KeyC: "ב", KeyD: "ג", KeyM: "צ", KeyR: "ר", KeyZ: "ז", KeyL: "ך", KeyH: "י" },
  Arabic: { KeyB: "لا", KeyC: "ؤ", KeyD: "ي", KeyR: "ق", Digit3: "٣", Numpad4: "٤" },
  Thai: { KeyB: "ิ", KeyD: "ก", Digit2: "/", Digit3: "-", Digit9: "ต" },
  Korean: { KeyB: "ㅠ", KeyC: "ㅊ", Space: "\u3000" },
  Japanese: { KeyB: "Process", KeyD: "ｄ", Digit1: "１" },
  French: { Digit1: "&", Digit2: "é", Digit5: "(", Digit6: "-", Digit8: "_", Digit0: "à", Space: "\u00a0" },
  Czech: { Digit1: "+", Digit2: "ě", Digit5: "ř", Digit9: "í" },
};

test("a key means the same on layouts that type no Latin letter or digit with it", () => {
  for (const [layout, typed] of Object.entries(LAYOUTS)) {
    for (const [code, key] of Object.entries(typed)) {
      const latin = { Space: " ", BracketLeft: "[", BracketRight: "]" }[code] ?? code.at(-1).toLowerCase();
      const here = meaning({ ...PLAIN, key, code });
      assert.deepEqual(here, meaning({ ...PLAIN, key: latin }), `${layout}: ${code} types ${key}`);
      assert.notEqual(here[0], "", `${layout}: ${code}`);
    }
  }
});

test("where a layout types another Latin letter, that letter counts and not its place", () => {
  const layouts = [["a", "KeyQ"], ["z", "KeyW"], ["m", "Semicolon"], ["z", "KeyY"], ["y", "KeyZ"], ["b", "KeyN"], ["x", "KeyB"], ["h", "KeyD"]];
  for (const [key, code] of layouts) assert.deepEqual(meaning({ ...PLAIN, key, code }), meaning({ ...PLAIN, key }));
  for (const [key, code] of [[";", "KeyZ"], [",", "KeyM"], ["'", "KeyQ"]]) assert.equal(meaning({ ...PLAIN, key, code })[0], "", code);
  assert.deepEqual(meaning({ ...PLAIN, shiftKey: true, key: "1", code: "Digit1" }), ["alone", 1], "French, with Shift");
  assert.deepEqual(meaning({ ...PLAIN, shiftKey: true, key: "*", code: "Digit8" }), [""]);
  assert.deepEqual(meaning({ ...PLAIN, shiftKey: true, key: "=", code: "Digit0" }), ["closer"], "German");
  assert.deepEqual(meaning({ ...PLAIN, shiftKey: true, key: "B", code: "KeyB" }), ["blink"]);
});

test("a question mark lists the keys on every layout", () => {
  const codes = ["Slash", "Minus", "KeyM", "Digit7", "BracketLeft", "Comma", "IntlRo"];
  for (const shiftKey of [true, false])
    for (const code of codes) assert.deepEqual(meaning({ ...PLAIN, shiftKey, key: "?", code }), ["help"], code);
  assert.deepEqual(meaning({ ...PLAIN, shiftKey: true, key: "؟", code: "Slash" }), ["help"]);
});

test("shortcuts of the browser, and a text that is composed, are left alone", () => {
  for (const { keys } of BINDINGS) {
    for (const key of keys.filter((each) => each.length === 1)) {
      for (const modifier of ["ctrlKey", "metaKey", "altKey"]) {
        assert.deepEqual(meaning({ ...PLAIN, [modifier]: true, key, code: `Key${key.toUpperCase()}` }), [""]);
      }
      assert.deepEqual(meaning({ ...PLAIN, isComposing: true, key }), [""]);
    }
  }
  assert.deepEqual(meaning({ ...PLAIN, ctrlKey: true, key: "к", code: "KeyR" }), [""], "reload, in Russian");
  assert.deepEqual(meaning({ ...PLAIN, altKey: true, key: "∫", code: "KeyB" }), [""], "a character of a Mac");
});

test("what AltGr types counts, though it is Ctrl and Alt on Windows", () => {
  const graph = { ...PLAIN, ctrlKey: true, altKey: true, getModifierState: (name) => name === "AltGraph" };
  assert.deepEqual(meaning({ ...graph, key: "[", code: "Digit8" }), ["narrower"]);
  assert.deepEqual(meaning({ ...graph, key: "ś", code: "KeyB" }), [""]);
});

test("keys that have a name are what they are called", () => {
  for (const key of ["Escape", "Enter", "Delete", "ArrowLeft"]) assert.equal(character({ ...PLAIN, key, code: key }), key);
  assert.equal(character({ ...PLAIN, key: "Unidentified", code: "" }), "");
});
