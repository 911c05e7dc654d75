// Pictures of assets. Their links are signed for minutes: one that ran out is signed anew, once, when it fails.

import { get } from "./api.js";
import { h } from "./dom.js";

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
  let isRenewed = false;
  image.addEventListener("load", () => image.classList.add("loaded"));
  image.addEventListener("error", async () => {
    if (isRenewed) return image.classList.add("broken");
    isRenewed = true;
    try {
      image.src = source(Object.assign(asset, await get(`/v1/assets/${asset.id}`)), width);
    } catch {
      image.classList.add("broken");
    }
  });
  image.src = source(asset, width);
  return image;
}
