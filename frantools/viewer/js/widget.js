// The viewer in a notebook: its state is a widget's model.
import { Viewer } from "./viewer.js";

/** @param {any} model of anywidget @returns {import("./viewer.js").Store} */
function storeOf(model) {
  let live = true;
  model.on("destroy comm:close", () => { live = false; });
  return {
    page: false,
    framed: true,
    get: (name) => model.get(name),
    set: (values) => {
      if (!live) return; // Python has closed the widget
      for (const [name, value] of Object.entries(values)) model.set(name, value);
      model.save_changes();
    },
    on: (name, changed) => {
      model.on(`change:${name}`, changed);
      return () => model.off(`change:${name}`, changed);
    },
    send: (message) => model.send(message),
    picture: async (id) => (await model.widget_manager.get_model(id)).get("content"),
  };
}

/** @param {{model: any, el: HTMLElement}} given */
function render({ model, el }) {
  const viewer = new Viewer(el, storeOf(model));
  return () => viewer.close();
}

export default { render };
