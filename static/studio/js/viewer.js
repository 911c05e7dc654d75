// An asset over the whole screen, with what is known of it and what can be done with it.

import { get } from "./api.js";
import { h, icon, toast } from "./dom.js";
import { fresh } from "./picture.js";
import { side } from "./viewer_side.js";
import { shown } from "./viewer_stage.js";

// So many before the last one, more are asked for.
const NEAR = 5;

/**
 * @param {{asset: any, job?: any}[]} items may grow while it is open
 * @param {number} index which one to show first
 * @param {{near?: () => void, left?: (asset: any) => void}} [options] `near` is called near the end of the items, `left`
 *   with the last one shown
 */
export function openViewer(items, index, { near = () => {}, left = () => {} } = {}) {
  const stage = h("div.viewer-stage");
  const aside = h("aside.viewer-side", { "aria-label": "About it" });
  const previous = h("button.viewer-step.previous", { type: "button", "aria-label": "Previous", onclick: () => go(-1) }, icon("left"));
  const next = h("button.viewer-step.next", { type: "button", "aria-label": "Next", onclick: () => go(1) }, icon("right"));
  const close = h("button.icon-button.viewer-close", { type: "button", "aria-label": "Close", onclick: () => dialog.close() }, icon("close"));
  const dialog = h("dialog.viewer", { "aria-label": "Viewer" }, h("div.viewer-picture", {}, stage, previous, next), aside, close);
  let item = items[index];

  function go(step) {
    // Items came or went meanwhile: counted from where this one is now.
    const now = items.indexOf(item);
    index = now < 0 ? index : now + step;
    if (items[index]) show();
  }

  async function show() {
    item = items[index];
    const { asset } = item;
    const mine = item;
    steps();
    if (index >= items.length - NEAR) near();
    stage.replaceChildren(...shown(asset, item.job));
    const about = side(item, dialog);
    aside.replaceChildren(...about.elements);
    try {
      if (!item.job && asset.source?.jobId) {
        item.job = await get(`/v1/jobs/${asset.source.jobId}`).catch(() => null);
        if (item === mine && item.job) about.tellOfJob();
      }
      await fresh(asset);
    } catch (error) {
      toast(error.message, { kind: "bad" });
    }
  }

  function steps() {
    const now = items.indexOf(item);
    previous.hidden = now <= 0;
    next.hidden = now >= items.length - 1;
  }

  function leave(event) {
    if (event.detail.some(({ id }) => id === item.asset.id)) dialog.close();
  }

  dialog.addEventListener("keydown", (event) => {
    if (event.target.matches("input, select, textarea, audio")) return;
    if (event.key === "ArrowLeft") go(-1);
    if (event.key === "ArrowRight") { steps(); go(1); }
  });
  dialog.addEventListener("click", (event) => { if (event.target === stage || event.target === stage.parentElement) dialog.close(); });
  dialog.addEventListener("close", () => {
    removeEventListener("library:removed", leave);
    dialog.remove();
    left(item.asset);
  });
  addEventListener("library:removed", leave);
  document.body.append(dialog);
  dialog.showModal();
  close.focus();
  show();
}
