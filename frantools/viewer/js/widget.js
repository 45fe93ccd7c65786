// The viewer in a notebook: its state is a widget's model.
import { Viewer } from "./viewer.js";

/** @param {any} model of anywidget @returns {import("./viewer.js").Store} */
function storeOf(model) {
  let [live, commits] = [true, 0];
  model.on("destroy comm:close", () => { live = false; });
  return {
    page: false,
    framed: true,
    get: (name) => model.get(name),
    set: (values) => {
      if (!live) return; // Python has closed the widget
      commits = values._commits ?? commits;
      for (const [name, value] of Object.entries(values)) model.set(name, value);
      model.save_changes();
    },
    on: (name, changed) => {
      model.on(`change:${name}`, changed);
      return () => model.off(`change:${name}`, changed);
    },
    // A state waits while the kernel is busy, and a message does not: it says which state comes before it.
    send: (message) => model.send({ ...message, after: Math.max(commits, model.get("_commits") ?? 0) }),
    picture: async (id) => (await model.widget_manager.get_model(id)).get("content"),
  };
}

/** @param {{model: any, el: HTMLElement}} given */
function render({ model, el }) {
  const viewer = new Viewer(el, storeOf(model));
  return () => viewer.close();
}

export default { render };
