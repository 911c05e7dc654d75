// What can be done, and by which model: GET /v1/models turned around, operations first.

import { get } from "./api.js";
import { assetFields } from "./schema.js";
import { credits, label, operation } from "./words.js";

/** @typedef {{model: string, isUsable: boolean, isHealthy: boolean, schema: any, price: any[]}} Offer */

class Catalogue {
  constructor() {
    /** @type {Map<string, Offer[]>} */
    this.byOperation = new Map();
    /** @type {Set<string>} */
    this.models = new Set();
  }

  async load() {
    const { data } = await get("/v1/models");
    for (const { model, enabled, healthy, operations } of data) {
      this.models.add(model);
      for (const { operation: slug, inputSchema, price } of operations) {
        const offers = this.byOperation.get(slug) ?? [];
        offers.push({ model, isUsable: enabled, isHealthy: healthy, schema: inputSchema, price });
        this.byOperation.set(slug, offers);
      }
    }
  }

  /** Every operation with at least one model, in the order people look for them. */
  get operations() {
    return [...this.byOperation.keys()].map(operation).sort((left, right) => (left.order < 0 ? 99 : left.order) - (right.order < 0 ? 99 : right.order));
  }

  offers(slug) {
    return this.byOperation.get(slug) ?? [];
  }

  /** The operations that begin with an asset of this kind: what can be done with a result. */
  takers(kind) {
    return this.operations.filter(({ slug }) => this.offers(slug).some((offer) => offer.isUsable && assetFields(offer.schema).some((field) => field.kind === kind && !/mask/i.test(field.name))));
  }
}

export const catalogue = new Catalogue();

/** "from 8 credits per image", before anything is asked for; empty where no price is known. */
export function priceWords(price) {
  const lines = (Array.isArray(price) ? price : [price]).filter((line) => line && Number.isFinite(line.credits));
  if (!lines.length) return "";
  const cheapest = lines.reduce((least, line) => (line.credits < least.credits ? line : least));
  const unit = cheapest.unit ? ` per ${label(cheapest.unit).toLowerCase()}` : "";
  return `${lines.length > 1 ? "from " : ""}${credits(cheapest.credits)}${unit}`;
}
