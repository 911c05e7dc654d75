// Pictures of assets. Their links are signed for minutes: one that ran out is signed anew, once, when it fails.

import { get } from "./api.js";
import { h } from "./dom.js";
import { pixels } from "./thumbhash.js";

/** The asset with a link that still holds for a while. */
export async function fresh(asset) {
  const isGood = asset.urlExpiresAt && new Date(asset.urlExpiresAt).getTime() - Date.now() > 20_000;
  if (isGood) return asset;
  return Object.assign(asset, await get(`/v1/assets/${asset.id}`));
}

/** The smallest rendition that is at least `width` wide, else the asset itself. */
function source(asset, width) {
  const fitting = (asset.thumbnails ?? []).filter((one) => one.width >= width).sort((left, right) => left.width - right.width);
  return (fitting[0] ?? asset).url;
}

/**
 * An <img> of an asset that takes its place before it has loaded.
 * @param {any} asset
 * @param {{alt: string, width?: number, isLazy?: boolean}} options
 */
export function picture(asset, { alt, width = 400, isLazy = true }) {
  const image = h("img.checker", { alt, loading: isLazy ? "lazy" : "eager", decoding: "async", width: asset.width ?? undefined, height: asset.height ?? undefined });
  load(image, asset, () => { image.src = source(asset, width); });
  return image;
}

/**
 * An <img> that fills a square of `size` CSS pixels, from the renditions: the browser chooses the one its screen needs.
 * While there are none yet, what this page itself has sent stands in, or the original.
 * @param {any} asset
 * @param {{size: number}} options
 */
export function thumbnail(asset, { size }) {
  const image = h("img", { alt: "", loading: "lazy", decoding: "async", draggable: "false" });
  load(image, asset, () => {
    const { thumbnails = [], width, height } = asset;
    // A wide picture is cut to a square: it is drawn wider than the square is.
    image.sizes = `${Math.ceil(size * Math.max(1, width / height || 1))}px`;
    image.srcset = thumbnails.map((one) => `${one.url} ${one.width}w`).join(", ");
    image.src = thumbnails[0]?.url ?? asset.preview ?? asset.url;
  });
  return image;
}

/** What a picture roughly looks like, drawn from its few bytes before it is there; null for one without them. */
export function placeholder(asset) {
  const drawn = asset.placeholder && pixels(asset.placeholder);
  if (!drawn) return null;
  const canvas = h("canvas.placeholder", { width: drawn.width, height: drawn.height, "aria-hidden": "true" });
  canvas.getContext("2d").putImageData(drawn, 0, 0);
  return canvas;
}

function load(image, asset, show) {
  let isRenewed = false;
  image.addEventListener("load", () => image.classList.add("loaded"));
  image.addEventListener("error", async () => {
    if (isRenewed) return image.classList.add("broken");
    isRenewed = true;
    try {
      Object.assign(asset, await get(`/v1/assets/${asset.id}`));
      show();
    } catch {
      image.classList.add("broken");
    }
  });
  show();
}
