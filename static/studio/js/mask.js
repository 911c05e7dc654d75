// Painting a mask over the chosen picture: white is what changes. A ready mask can be given as a file too.

import { h, icon, toast } from "./dom.js";
import { assetControl } from "./asset_field.js";
import { fresh } from "./picture.js";

const LONGEST_SIDE = 4096;

/** @param {string} id @param {{picture: () => any}} options `picture` names the asset to paint on, if one is chosen. */
export function maskControl(id, { picture }) {
  const control = assetControl(id, { kind: "image", most: 1, isList: false });
  const paint = h("button.button.soft.wide", { type: "button", onclick: async () => {
    const asset = picture();
    if (!asset) return toast("Choose the picture first, then paint on it.");
    const file = await painted(await fresh(asset));
    if (file) control.addFiles([file]);
  } }, icon("inpaint"), "Paint the area to change");
  control.element.prepend(paint);
  return control;
}

/** Let the person paint; resolves to a PNG of the mask, or null. */
function painted(asset) {
  const scale = Math.min(1, LONGEST_SIDE / Math.max(asset.width, asset.height));
  const canvas = h("canvas.paint", { width: Math.round(asset.width * scale), height: Math.round(asset.height * scale), "aria-label": "Paint here" });
  const context = canvas.getContext("2d");
  const brush = h("input", { id: "brush", type: "range", min: 2, max: 30, value: "10" });
  /** @type {{width: number, points: [number, number][]}[]} */
  let strokes = [];

  function draw() {
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.strokeStyle = "#fff";
    context.lineCap = context.lineJoin = "round";
    for (const { width, points } of strokes) {
      context.lineWidth = width;
      context.beginPath();
      context.moveTo(...points[0]);
      for (const point of points) context.lineTo(...point);
      context.stroke();
    }
  }

  function at(event) {
    const box = canvas.getBoundingClientRect();
    return /** @type {[number, number]} */ ([(event.clientX - box.left) / box.width * canvas.width, (event.clientY - box.top) / box.height * canvas.height]);
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    strokes.push({ width: Number(brush.value) / 100 * Math.min(canvas.width, canvas.height), points: [at(event)] });
    draw();
  });
  canvas.addEventListener("pointermove", (event) => {
    if (!canvas.hasPointerCapture(event.pointerId)) return;
    strokes.at(-1).points.push(at(event));
    draw();
  });

  const picture = h("img", { src: asset.url, alt: "The picture to change" });
  const easel = h("div.easel", {}, picture, canvas);
  easel.style.aspectRatio = `${canvas.width} / ${canvas.height}`;
  const dialog = h("dialog.painter", { "aria-label": "Paint the area to change" },
    h("form", { method: "dialog" },
      h("div.painter-stage", {}, easel),
      h("div.painter-tools", {},
        h("label", { for: "brush" }, "Brush"), brush,
        h("button.button", { type: "button", onclick: () => { strokes.pop(); draw(); } }, "Undo"),
        h("button.button", { type: "button", onclick: () => { strokes = []; draw(); } }, "Clear"),
        h("span.grow"),
        h("button.button", { value: "no" }, "Cancel"),
        h("button.button.primary", { value: "yes" }, "Use this area"))));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => {
    dialog.remove();
    if (dialog.returnValue !== "yes" || !strokes.length) return resolve(null);
    context.globalCompositeOperation = "destination-over";
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => resolve(new File([blob], "mask.png", { type: "image/png" })), "image/png");
  }));
}
