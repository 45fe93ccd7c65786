import assert from "node:assert/strict";
import { test } from "node:test";

import * as g from "../../frantools/viewer/js/geometry.js";

const frame = { width: 640, height: 480 };
const pane = { width: 400, height: 300 };

/** Numbers that are the same in every run. */
function* numbers(seed = 7) {
  for (;;) {
    seed = (seed * 48271) % 2147483647;
    yield seed / 2147483647;
  }
}

function near(a, b, slack = 1e-6) {
  assert.ok(Math.abs(a - b) <= slack, `${a} is not ${b}`);
}

test("all of a picture is seen at home, and centred", () => {
  const wide = { width: 1000, height: 300 };
  const p = g.place(g.FULL, frame, wide, g.home(frame, wide, false, 1));
  near(p.s, 300 / 480);
  near(p.y, 0);
  near(p.x, (1000 - 640 * p.s) / 2);
});

test("alone, a pixel is a whole number of screen pixels where that fits", () => {
  assert.equal(g.home({ width: 512, height: 512 }, { width: 1500, height: 700 }, true, 1), 1);
  assert.equal(g.home({ width: 300, height: 300 }, { width: 1500, height: 700 }, true, 1), 2);
  assert.equal(g.home({ width: 512, height: 512 }, { width: 700, height: 700 }, true, 2), 1);
  near(g.home({ width: 4096, height: 4096 }, { width: 700, height: 700 }, true, 1), 700 / 4096);
});

test("zooming leaves the point under the pointer where it is, and a view is a fixed point", () => {
  const random = numbers();
  const next = () => random.next().value;
  const least = g.home(frame, pane, false, 1);
  let view = { ...g.FULL };
  for (let n = 0; n < 500; n++) {
    const p = g.place(view, frame, pane, least);
    const [x, y] = [next() * pane.width, next() * pane.height];
    const factor = Math.exp(2 * (next() - 0.45));
    const before = [(x - p.x) / p.s, (y - p.y) / p.s];
    view = g.zoomed(p, frame, pane, least, x, y, factor);
    const q = g.place(view, frame, pane, least);
    if (factor > 1 && frame.width * p.s >= pane.width && frame.height * p.s >= pane.height && q.s < g.LARGEST) {
      near((x - q.x) / q.s, before[0], 1e-3);
      near((y - q.y) / q.s, before[1], 1e-3);
    }
    // Clipped to the frame, as Python has it, it shows the same.
    const again = g.place(g.clip(view), frame, pane, least);
    near(again.s, q.s, 1e-6 * q.s);
    near(again.x, q.x, 1e-2);
    // No margin where the picture could fill it.
    assert.ok(frame.width * q.s < pane.width + 1e-6 || (q.x <= 1e-6 && q.x + frame.width * q.s >= pane.width - 1e-6));
    assert.ok(q.s >= least - 1e-9 && q.s <= g.LARGEST + 1e-9);
  }
});

test("a drag moves the picture as far as the pointer, within its edges", () => {
  const least = g.home(frame, pane, false, 1);
  const view = { x: 0.4, y: 0.4, width: 0.2, height: 0.2 };
  const p = g.place(view, frame, pane, least);
  const q = g.place(g.panned(p, frame, pane, 30, -20), frame, pane, least);
  near(q.x - p.x, 30);
  near(q.y - p.y, -20);
  const far = g.place(g.panned(p, frame, pane, 1e6, 0), frame, pane, least);
  near(far.x, 0);
});

test("what is clipped always lies within the frame", () => {
  const random = numbers(3);
  for (let n = 0; n < 300; n++) {
    const [x, y, width, height] = Array.from({ length: 4 }, () => 4 * random.next().value - 1.5);
    const v = g.clip({ x, y, width, height: Math.abs(height) });
    assert.ok(v.x >= 0 && v.y >= 0 && v.width > 0 && v.height > 0 && v.x + v.width <= 1 + 1e-12 && v.y + v.height <= 1 + 1e-12);
  }
});

test("the grid makes pictures as large as there is room", () => {
  assert.equal(g.arrange(2, 1600, 800, 1, () => 40, 10, 30).columns, 2);
  assert.equal(g.arrange(5, 1040, 860, 1, () => 60, 10, 30).columns, 3);
  assert.equal(g.arrange(9, 1040, 2000, 1, () => 60, 10, 30).columns, 3);
  assert.equal(g.arrange(5, 1600, 760, 1, () => 60, 10, 30).columns, 5, "one row is a little smaller, and calmer");
  assert.equal(g.arrange(9, 940, 860, 1, () => 60, 10, 30).columns, 3, "no row of panes too narrow for their texts");
  assert.deepEqual([2, 5, 7].map((count) => g.arrange(count, 1040, 860, 1, () => 60, 10, 30).free), [0, 1, 1]);
  const [full, beside] = [6, 5].map((count) => g.arrange(count, 900, 600, 1, () => 60, 10, 40).height);
  assert.equal(beside - full, 20, "what stands in a free cell takes no room below");
  assert.equal(g.arrange(2, 712, 990, 1, () => 60, 10, 0).columns, 2, "one above the other is 22 % larger: side by side");
  assert.equal(g.arrange(2, 712, 1020, 1, () => 60, 10, 0).columns, 1, "it is 27 % larger");
  assert.equal(g.arrange(3, 500, 2000, 4, () => 40, 10, 30).columns, 1);
  for (let count = 1; count <= 20; count++) {
    const made = g.arrange(count, 1040, 800, 1.5, () => 50, 10, 30);
    assert.ok(made.columns * made.width + (made.columns - 1) * 10 <= 1040);
    assert.ok(made.height <= made.width / 1.5 + 1);
  }
});

test("a picture of another aspect is centred in the frame, and not stretched", () => {
  assert.deepEqual(g.laid({ width: 64, height: 48 }, frame), { x: 0, y: 0, width: 640, height: 480 });
  assert.deepEqual(g.laid({ width: 100, height: 100 }, frame), { x: 80, y: 0, width: 480, height: 480 });
  assert.deepEqual(g.laid({ width: 640, height: 120 }, frame), { x: 0, y: 180, width: 640, height: 120 });
});

test("the scale bar is a round number of pixels", () => {
  for (const s of [0.01, 0.3, 1, 2.3, 17, 60]) {
    const { length, width } = g.scaleBar(s);
    assert.match(String(length), /^[125]0*$/);
    near(width, length * s);
    assert.ok(width >= 50 && (width <= 130 || length === 1), `${length} pixels are ${width}`);
  }
});

test("boxes are of whole pixels, stay within the frame and never vanish", () => {
  const random = numbers(11);
  const next = (low, high) => low + (high - low) * random.next().value;
  for (let n = 0; n < 500; n++) {
    const made = g.boxBetween(next(-50, 700), next(-50, 500), next(-50, 700), next(-50, 500), frame);
    if (!made) continue;
    for (const part of ["move", "n", "s", "e", "w", "nw", "ne", "sw", "se"]) {
      const [l, t, r, b] = g.shifted(made, part, next(-900, 900), next(-900, 900), frame);
      assert.ok([l, t, r, b].every(Number.isInteger));
      assert.ok(l >= 0 && t >= 0 && r <= 640 && b <= 480 && l < r && t < b);
      if (part === "move") assert.deepEqual([r - l, b - t], [made[2] - made[0], made[3] - made[1]]);
    }
  }
  assert.equal(g.boxBetween(-10, -10, -5, 40, frame), null);
  assert.deepEqual(g.boxBetween(10.2, 20.9, 4.5, 22.1, frame), [4, 20, 11, 23]);
});

test("a box is taken hold of at its edges, its corners and within", () => {
  const box = [100, 100, 200, 200];
  assert.equal(g.grasp(box, 150, 150, 5), "move");
  assert.equal(g.grasp(box, 101, 99, 5), "nw");
  assert.equal(g.grasp(box, 203, 150, 5), "e");
  assert.equal(g.grasp(box, 150, 198, 5), "s");
  assert.equal(g.grasp(box, 207, 150, 5), "");
  assert.equal(g.grasp([10, 10, 12, 12], 11, 11, 5), "move", "a small one can still be moved");
});

test("a new box has a name that no other has", () => {
  assert.equal(g.freeName([]), "1");
  assert.equal(g.freeName([{ name: "2", box: [] }]), "3");
  assert.equal(g.freeName([{ name: "eye", box: [] }, { name: "3", box: [] }]), "4");
});
