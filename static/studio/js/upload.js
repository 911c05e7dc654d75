// Sending a file to the library: straight into the bucket by presigned addresses, in parts where it is large, with
// progress. fetch cannot tell of a request's progress, so bytes go by XHR.

import { create, get, ownHeaders, post, Problem, refusal } from "./api.js";

/** What the file chooser offers for each kind of asset. */
export const ACCEPT = { image: "image/png,image/jpeg,image/webp,image/gif,image/avif", audio: "audio/*", json: "application/json" };

const TYPES = {
  png: "image/png", jpg: "image/jpeg", jpeg: "image/jpeg", webp: "image/webp", gif: "image/gif", avif: "image/avif",
  wav: "audio/wav", mp3: "audio/mpeg", flac: "audio/flac", ogg: "audio/ogg", opus: "audio/ogg", m4a: "audio/mp4",
  json: "application/json", txt: "text/plain",
};
const TAKEN = new Set([...Object.values(TYPES), "audio/x-wav", "audio/mp3", "audio/x-flac", "audio/x-m4a"]);
const FAULTS = {
  image_too_large: "This picture has more pixels than are taken.",
  animated_image: "This picture moves; only still ones are taken.",
  audio_too_long: "This recording is longer than is taken.",
  never_checked: "This could not be checked in time. Please send it again.",
  hash_mismatch: "The file changed while it was sent. Please try again.",
};
const PARTS_AT_ONCE = 3;
const TRIES = 4;

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/**
 * Upload one file and wait until it may be used.
 * @param {File} file
 * @param {{onProgress?: (share: number) => void, signal?: AbortSignal}} [options]
 */
export async function upload(file, { onProgress = () => {}, signal } = {}) {
  const contentType = typeOf(file);
  if (!contentType) throw new Problem(415, { detail: "Pictures, recordings, JSON and texts are taken; this is none." });
  if (!file.size) throw new Problem(422, { detail: "This file is empty." });
  let asset = globalThis.crypto?.subtle ? await intoTheBucket(file, contentType, onProgress, signal) : await throughTheApp(file, onProgress, signal);
  for (let wait = 300; asset.status === "pending"; wait = Math.min(wait * 1.5, 3000)) {
    await pause(wait);
    asset = await get(`/v1/assets/${asset.id}`, { signal });
  }
  if (asset.status === "rejected") throw new Problem(422, { code: asset.error, detail: FAULTS[asset.error] ?? "This file could not be read; it may be damaged." });
  return asset;
}

function typeOf(file) {
  if (TAKEN.has(file.type)) return file.type;
  return TYPES[file.name?.toLowerCase().split(".").pop()] ?? (file.type ? null : "image/png");
}

async function intoTheBucket(file, contentType, onProgress, signal) {
  const promised = await create("/v1/uploads", { filename: file.name || "pasted", contentType, size: file.size, ...(await hashOf(file)) });
  if (promised.parts) await sendParts(promised, file, onProgress, signal);
  else await repeatedly(async (isAgain) => put(isAgain ? await get(`/v1/uploads/${promised.id}`) : promised, file, onProgress, signal), signal);
  return post(`/v1/uploads/${promised.id}/complete`, undefined, { signal });
}

/** Of what goes in one PUT; more is never in memory whole, and is hashed by the server when it has arrived. */
async function hashOf(file) {
  if (file.size > 64 * 1024 ** 2) return {};
  const digest = await crypto.subtle.digest("SHA-256", await file.arrayBuffer());
  return { sha256: Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("") };
}

/** Several at once; a part that broke is sent again to a new address, the others stay. */
async function sendParts(promised, file, onProgress, signal) {
  const sent = new Map(promised.parts.map((part) => [part.partNumber, part.arrived ? part.size : 0]));
  const partBytes = promised.parts[0].size;
  const waiting = promised.parts.filter((part) => !part.arrived);
  const tell = () => onProgress([...sent.values()].reduce((sum, bytes) => sum + bytes, 0) / file.size);
  const worker = async () => {
    for (let part = waiting.shift(); part; part = waiting.shift()) {
      const { partNumber, size } = part;
      const start = (partNumber - 1) * partBytes;
      await repeatedly(async (isAgain) => {
        const to = isAgain ? (await get(`/v1/uploads/${promised.id}`)).parts[partNumber - 1] : part;
        await put(to, file.slice(start, start + size), (share) => { sent.set(partNumber, share * size); tell(); }, signal);
      }, signal);
    }
  };
  await Promise.all(Array.from({ length: PARTS_AT_ONCE }, worker));
}

async function repeatedly(send, signal) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await send(attempt > 1);
    } catch (error) {
      const mayHelp = error instanceof Problem && (error.status === 0 || error.status === 403 || error.status >= 500);
      // Nothing is overwritten: an earlier try whose answer got lost has put the bytes there.
      if (error instanceof Problem && error.status === 412) return undefined;
      if (signal?.aborted || !mayHelp || attempt === TRIES) throw error;
      await pause(500 * 2 ** attempt);
    }
  }
}

const put = (to, body, onProgress, signal) => request(to.method, to.url, to.headers, body, onProgress, signal);

/** Where a page is not served safely (http on another host) a browser does not hash: the app takes the bytes itself. */
function throughTheApp(file, onProgress, signal) {
  const body = new FormData();
  body.append("file", file, file.name || "pasted");
  return request("POST", "/v1/assets", ownHeaders(), body, onProgress, signal);
}

function request(method, url, headers, body, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open(method, url);
    for (const [name, value] of Object.entries(headers)) sending.setRequestHeader(name, value);
    sending.upload.onprogress = (event) => { if (event.lengthComputable) onProgress(event.loaded / event.total); };
    sending.onload = () => {
      const answer = sending.getResponseHeader("Content-Type")?.includes("json") ? JSON.parse(sending.responseText || "{}") : {};
      if (sending.status >= 200 && sending.status < 300) resolve(answer);
      else reject(refusal(sending.status, answer, new Headers({ "Retry-After": sending.getResponseHeader("Retry-After") ?? "" })));
    };
    sending.onerror = () => reject(new Problem(0, { detail: "The upload broke off. Check your connection and try again." }));
    sending.onabort = () => reject(new DOMException("Aborted", "AbortError"));
    signal?.addEventListener("abort", () => sending.abort());
    sending.send(body);
  });
}
