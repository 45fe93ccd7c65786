// Pictures on their way to their panes.
import { Picture } from "./pictures.js";

/** @typedef {import("./viewer.js").Viewer} Viewer */
/** @typedef {import("./pane.js").Pane} Pane */

/** Bring a pane its picture; what it shows stays until the new one is there. @param {Viewer} viewer @param {Pane} pane @param {string} id */
export async function load(viewer, pane, id) {
  if (pane.id === id) return;
  pane.id = id;
  const picture = id ? await open(viewer, pane, id) : null;
  if (pane.id !== id || viewer.panes.get(pane.title) !== pane) return picture?.close();
  pane.picture?.close();
  pane.picture = picture;
  pane.failed = !!id && !picture;
  viewer.say();
  viewer.invalidate();
}

/** A picture, or null where it does not arrive. @param {Viewer} viewer @param {Pane} pane @param {string} id @returns {Promise<Picture | null>} */
async function open(viewer, pane, id) {
  pane.loads++;
  viewer.root.dataset.state = "loading"; // until it is drawn
  try {
    const picture = new Picture(await viewer.store.picture(id));
    picture.changed = () => viewer.invalidate();
    return await picture.open();
  } catch (error) {
    if (!viewer.ended.signal.aborted) console.warn("frantools: a picture did not arrive", error);
    return null;
  } finally {
    pane.loads--;
    viewer.invalidate();
  }
}

/** The same for sharper parts. @param {Viewer} viewer @param {Pane} pane @param {any[]} told */
export async function loadDetails(viewer, pane, told) {
  const ids = told.map((each) => each.picture);
  pane.details = pane.details.filter((each) => ids.includes(each.id) || each.picture.close());
  const fresh = told.filter((each) => !pane.details.some((old) => old.id === each.picture));
  await Promise.all(fresh.map(async ({ picture: id, ...part }) => {
    const picture = await open(viewer, pane, id);
    const wanted = viewer.panes.get(pane.title) === pane && (viewer.store.get("_panes") ?? [])
      .some((/** @type {any} */ each) => each.details?.some((/** @type {any} */ detail) => detail.picture === id));
    if (!picture || !wanted || pane.details.some((each) => each.id === id)) return picture?.close();
    pane.details.push({ part, picture, id });
    pane.details.sort((a, b) => a.picture.width / a.part.width - b.picture.width / b.part.width); // the sharpest on top
    viewer.invalidate();
  }));
  viewer.invalidate();
}
