import assert from "node:assert/strict";
import { test } from "node:test";

import * as d from "../../frantools/viewer/js/difference.js";
import { BINDINGS, meaning } from "../../frantools/viewer/js/keys.js";

const pixels = (...values) => new Uint8ClampedArray(values.flatMap((rgb) => [...rgb, 255]));

test("a difference of nothing is the middle of the signed map, and the start of the absolute one", () => {
  const a = pixels([10, 20, 30]);
  d.paintDifference(a, pixels([10, 20, 30]), "signed", 64);
  assert.deepEqual([...a], [...d.colour("signed", 0.5), 255]);
  const b = pixels([10, 20, 30]);
  d.paintDifference(b, pixels([10, 20, 30]), "absolute", 64);
  assert.deepEqual([...b], [...d.colour("absolute", 0), 255]);
});

test("the range is the end of the map, and what is beyond has its last colour", () => {
  for (const [value, share] of [[64, 1], [200, 1], [32, 0.75], [-64, 0], [-255, 0]]) {
    const [x, y] = value > 0 ? [value, 0] : [0, -value];
    const a = pixels([x, x, x]);
    d.paintDifference(a, pixels([y, y, y]), "signed", 64);
    const wanted = d.colour("signed", share);
    wanted.forEach((each, n) => assert.ok(Math.abs(a[n] - each) <= 1, `${value}: ${a[n]}, ${each}`));
  }
});

test("channels cancel out in the signed difference only", () => {
  const [a, b] = [pixels([60, 0, 30]), pixels([0, 60, 30])];
  d.paintDifference(a, b, "signed", 64);
  assert.deepEqual([...a.slice(0, 3)], d.colour("signed", 0.5));
  const c = pixels([60, 0, 30]);
  d.paintDifference(c, b, "absolute", 40);
  assert.deepEqual([...c.slice(0, 3)], d.colour("absolute", 1));
});

test("a histogram counts every pixel that is there", () => {
  const data = pixels([0, 128, 255], [3, 129, 254]);
  const empty = new Uint8ClampedArray([9, 9, 9, 0]);
  const counts = d.histogram(new Uint8ClampedArray([...data, ...empty]));
  assert.equal(counts[0][0], 2);
  assert.equal(counts[1][32], 2);
  assert.equal(counts[2][63], 2);
  assert.equal(counts[0].reduce((a, b) => a + b), 2);
});

test("values are told in both units, differences with their sign", () => {
  assert.equal(d.valueText([5, 128, 255], false), "\u2007\u20075 128 255");
  assert.equal(d.valueText([0, 51, 255], true), "0.000 0.200 1.000");
  assert.equal(d.differenceText([5, 128, 255], [8, 128, 250], false), "\u22123 \u00b10 +5");
});

test("keys mean one thing each, and those of the browser are left to it", () => {
  const event = (key, held = {}) => ({ key, shiftKey: false, altKey: false, ctrlKey: false, metaKey: false, ...held });
  const all = BINDINGS.flatMap((each) => each.keys);
  assert.equal(new Set(all).size, all.length);
  assert.deepEqual(meaning(event("D", { shiftKey: true })), ["difference"]);
  assert.deepEqual(meaning(event("3")), ["alone", 3]);
  assert.deepEqual(meaning(event("ArrowLeft", { altKey: true, shiftKey: true })), ["resize", -1, 0]);
  assert.deepEqual(meaning(event("ArrowUp", { shiftKey: true })), ["pan", 0, -1]);
  assert.deepEqual(meaning(event("s", { ctrlKey: true })), [""]);
  assert.deepEqual(meaning(event("x")), [""]);
});
