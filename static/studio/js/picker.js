// Choosing an asset of the library for a field of the form.

import { Pages } from "./api.js";
import { h, icon, toast, whenNear } from "./dom.js";
import { label } from "./words.js";
import { picture } from "./picture.js";

/** Show the library's assets of one kind; resolves to the chosen asset, or null. */
export function pickFromLibrary(kind) {
  const pages = new Pages(`/v1/assets?kind=${kind}&limit=40`);
  const grid = h("div.library-grid.small");
  const end = h("div.sentinel");
  const empty = h("p.muted.centered", { hidden: true }, "Nothing here yet. Upload a file or generate something first.");
  const dialog = h("dialog.picker-dialog", { "aria-labelledby": "picker-title" },
    h("header", {}, h("h2", { id: "picker-title" }, "Choose from your library"),
      h("button.icon-button", { type: "button", "aria-label": "Close", onclick: () => dialog.close() }, icon("close"))),
    h("div.picker-body", {}, grid, empty, end));
  let chosen = null;

  async function more() {
    try {
      for (const asset of await pages.next()) {
        grid.append(h("button.thumb", { type: "button", "aria-label": `${label(asset.kind)} of ${new Date(asset.createdAt).toLocaleString("en")}`, onclick: () => { chosen = asset; dialog.close(); } },
          asset.kind === "image" ? picture(asset, { alt: "" }) : icon("file")));
      }
    } catch (error) {
      toast(error.message, { kind: "bad" });
    }
    empty.hidden = grid.childElementCount > 0;
  }

  document.body.append(dialog);
  dialog.showModal();
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  more().then(() => whenNear(end, more));
  return new Promise((resolve) => dialog.addEventListener("close", () => { resolve(chosen); dialog.remove(); }));
}
