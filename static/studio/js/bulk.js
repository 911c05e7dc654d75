// What can be done to assets, one or thousands. Views hear of it by "library:changed" and "library:removed".

import { create, patch, post, Problem } from "./api.js";
import { confirmation, h, toast } from "./dom.js";
import { bytes, count, counted } from "./words.js";

// What the API takes in one request, and puts into one zip.
const AT_ONCE = 1000;
const REASONS = {
  asset_not_found: (number) => `${count(number)} ${number === 1 ? "was" : "were"} gone already.`,
  legal_hold: (number) => `${count(number)} ${number === 1 ? "is" : "are"} on legal hold and ${number === 1 ? "stays" : "stay"}.`,
  too_many_tags: (number) => `${count(number)} would have more than 20 tags.`,
};

const tell = (type, assets) => dispatchEvent(new CustomEvent(type, { detail: assets }));

/** Change what is noted on one asset; answers whether it was. What is refused is told. */
export async function change(asset, fields) {
  try {
    Object.assign(asset, await patch(`/v1/assets/${asset.id}`, fields));
    tell("library:changed", [asset]);
    return true;
  } catch (error) {
    toast(error.errors?.[0]?.message ?? error.message, { kind: "bad" });
    return false;
  }
}

/**
 * Do one thing to many, a thousand at a time, and tell what was skipped and why. The assets it was done to; fewer where
 * a request failed on the way.
 */
async function act(action, assets, said, more = {}) {
  const done = [], reasons = new Map();
  let failure = null;
  for (let start = 0; start < assets.length && !failure; start += AT_ONCE) {
    const some = assets.slice(start, start + AT_ONCE);
    try {
      const { skipped } = await post("/v1/assets/bulk", { action, assetIds: some.map(({ id }) => id), ...more });
      const codes = new Map(skipped.map(({ assetId, code }) => [assetId, code]));
      for (const code of codes.values()) reasons.set(code, (reasons.get(code) ?? 0) + 1);
      done.push(...some.filter(({ id }) => !codes.has(id) || (action === "delete" && codes.get(id) === "asset_not_found")));
    } catch (error) {
      failure = error;
    }
  }
  const words = [...reasons].map(([code, number]) => REASONS[code]?.(number) ?? `${count(number)} could not be changed (${code}).`);
  if (done.length) words.unshift(`${said(counted(done.length, "file"))}.`);
  if (failure) words.push(failure.message);
  toast(words.join(" "), { kind: failure || reasons.size ? "bad" : "good" });
  return done;
}

/** Delete after asking. */
export async function removeAll(assets) {
  const text = assets.length === 1 ? "It disappears from the library, and links to it stop working." : "They disappear from the library, and links to them stop working.";
  const title = assets.length === 1 ? "Delete this for good?" : `Delete ${count(assets.length)} files for good?`;
  if (!await confirmation({ title, text, agree: "Delete", refuse: assets.length === 1 ? "Keep it" : "Keep them" })) return;
  tell("library:removed", await act("delete", assets, (files) => `${files} deleted`));
}

export async function starAll(assets, isOn) {
  const done = await act(isOn ? "favourite" : "unfavourite", assets, (files) => `${files} ${isOn ? "added to" : "taken out of"} your favourites`);
  for (const asset of done) asset.favourite = isOn;
  tell("library:changed", done);
}

export async function tagAll(assets, tags, isOn) {
  const named = new Set(tags.map((tag) => tag.toLowerCase()));
  const done = await act(isOn ? "tag" : "untag", assets, (files) => `${files} ${isOn ? "tagged" : "untagged"}`, { tags });
  for (const asset of done) {
    const others = asset.tags.filter((tag) => isOn || !named.has(tag.toLowerCase()));
    const present = new Set(others.map((tag) => tag.toLowerCase()));
    asset.tags = isOn ? [...others, ...tags.filter((tag) => !present.has(tag.toLowerCase()))] : others;
  }
  tell("library:changed", done);
}

/** Put assets into a collection, or take them out. */
export async function collectAll(assets, collection, isIn) {
  const said = (files) => `${files} ${isIn ? "added to" : "taken out of"} “${collection.title}”`;
  const done = await act(isIn ? "collect" : "uncollect", assets, said, { collectionId: collection.id });
  tell("library:collected", { assets: done, collection, isIn });
  return done;
}

/** Bring one zip of all of them. */
export async function zip(assets) {
  if (assets.length > AT_ONCE) return toast(`A zip holds at most ${count(AT_ONCE)} files. Please choose fewer.`, { kind: "bad" });
  try {
    const { url, assets: number, size, skipped } = await create("/v1/archives", { assetIds: assets.map(({ id }) => id) });
    h("a", { href: url, download: "" }).click();
    toast(`Downloading ${counted(number, "file")}, ${bytes(size)}.${skipped.length ? ` ${REASONS.asset_not_found(skipped.length)}` : ""}`, { kind: "good" });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    toast(error.message, { kind: "bad" });
  }
}
