// Files on their way into the library, a few at a time.

import { Problem } from "./api.js";
import { upload } from "./upload.js";

const AT_ONCE = 3;
const SHOWN_BYTES = 40 * 1024 ** 2;

let number = 0;

/** The queue; `changed` is called when a file comes, arrives (with its asset) or leaves. */
export class Sending {
  /** @param {{changed: () => void, arrived: (sending: any, asset: any) => void}} options */
  constructor({ changed, arrived }) {
    Object.assign(this, { changed, arrived });
    /** @type {any[]} */
    this.items = [];
    this.running = 0;
  }

  add(files, collection) {
    const items = files.map((file) => ({
      key: `sending-${number += 1}`, file, collection, share: 0, error: null, isWaiting: true, update: () => {},
      preview: file.type.startsWith("image/") && file.size < SHOWN_BYTES ? URL.createObjectURL(file) : null,
    }));
    this.items.unshift(...items);
    this.changed();
    this.next();
  }

  next() {
    // From the end: the newest are shown first.
    const waiting = this.items.filter((item) => item.isWaiting).reverse();
    while (this.running < AT_ONCE && waiting.length) this.send(waiting.pop());
  }

  async send(item) {
    Object.assign(item, { isWaiting: false, error: null, share: 0, abort: new AbortController() });
    this.running += 1;
    try {
      const asset = await upload(item.file, { signal: item.abort.signal, onProgress: (share) => { item.share = share; item.update(); } });
      this.items = this.items.filter((one) => one !== item);
      this.arrived(item, asset);
    } catch (error) {
      if (item.abort.signal.aborted) return;
      item.error = error instanceof Problem ? error.message : "This file could not be sent.";
      item.update();
    } finally {
      this.running -= 1;
      this.next();
    }
  }

  again(item) {
    item.isWaiting = true;
    item.error = null;
    item.update();
    this.next();
  }

  cancel(item) {
    item.abort?.abort();
    if (item.preview) URL.revokeObjectURL(item.preview);
    this.items = this.items.filter((one) => one !== item);
    this.changed();
  }
}
