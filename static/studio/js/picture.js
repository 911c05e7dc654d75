// Pictures of assets: the browser takes the smallest rendition that will do, and shows a blur until it has come. Links
// are signed for minutes: one that ran out is signed anew before it is asked for, or once, when it fails.

import { get } from "./api.js";
import { h } from "./dom.js";

const holdsFor = (asset, milliseconds) => Boolean(asset.urlExpiresAt) && new Date(asset.urlExpiresAt).getTime() - Date.now() > milliseconds;

const renewed = async (asset) => Object.assign(asset, await get(`/v1/assets/${asset.id}`));

/** The asset with a link that still holds for a while. */
export async function fresh(asset) {
  return holdsFor(asset, 20_000) ? asset : renewed(asset);
}

/**
 * An <img> of an asset that takes its place before it has loaded.
 * @param {any} asset
 * @param {{alt: string, width?: number, isLazy?: boolean, renew?: (asset: any) => Promise<any>}} options `width` is how
 *   wide it will be on the page; `renew` brings new links, by default of this asset alone
 */
export function picture(asset, { alt, width = 400, isLazy = true, renew = renewed }) {
  const image = h("img.checker", { alt, loading: isLazy ? "lazy" : "eager", decoding: "async", width: asset.width ?? undefined, height: asset.height ?? undefined, sizes: `${width}px` });
  let isRenewed = false;
  const show = () => {
    const forms = [...(asset.thumbnails ?? []), ...(asset.width && asset.url ? [asset] : [])];
    image.srcset = forms.map((form) => `${form.url} ${form.width}w`).join(", ");
    if (!forms.length && asset.url) image.src = asset.url;
  };
  const showAnew = async () => {
    isRenewed = true;
    try {
      await renew(asset);
      show();
    } catch {
      image.classList.add("broken");
    }
  };
  image.addEventListener("load", () => image.classList.add("loaded"));
  image.addEventListener("error", () => (isRenewed ? image.classList.add("broken") : showAnew()));
  if (holdsFor(asset, 0)) show();
  else showAnew();
  return image;
}
