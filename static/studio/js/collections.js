// The organization's collections, as the API tells them; views listen to "changed".

import { create, get, Pages, patch, remove } from "./api.js";

class Collections extends EventTarget {
  constructor() {
    super();
    /** @type {any[] | null} By title; null until they are read. */
    this.known = null;
  }

  /** All of them, read once and again after something changed. Raises Problem. */
  async all() {
    if (this.known) return this.known;
    this.reading ??= this.read().finally(() => { this.reading = null; });
    return this.reading;
  }

  async read() {
    const pages = new Pages("/v1/collections?limit=100");
    const found = [];
    while (!pages.isOver) found.push(...await pages.next());
    return this.keep(found);
  }

  keep(found) {
    this.known = found.sort((left, right) => left.title.localeCompare(right.title));
    this.dispatchEvent(new Event("changed"));
    return this.known;
  }

  find(id) {
    return this.known?.find((one) => one.id === id) ?? null;
  }

  /** Read counts and covers anew: something was put in, taken out or deleted. */
  async refresh() {
    await this.read().catch(() => {});
  }

  /** Those that an asset is in. Raises Problem. */
  async of(asset) {
    return (await get(`/v1/collections?limit=100&asset=${asset.id}`)).data;
  }

  async create(title) {
    const made = await create("/v1/collections", { title });
    this.keep([...(this.known ?? []), made]);
    return made;
  }

  async rename(collection, title) {
    const renamed = await patch(`/v1/collections/${collection.id}`, { title });
    this.keep((this.known ?? []).map((one) => (one.id === renamed.id ? renamed : one)));
    return renamed;
  }

  async remove(collection) {
    await remove(`/v1/collections/${collection.id}`);
    this.keep((this.known ?? []).filter((one) => one.id !== collection.id));
  }
}

export const collections = new Collections();
