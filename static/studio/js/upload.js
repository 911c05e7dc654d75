// Sending a file to the library, with progress; fetch cannot tell of a request's progress, so this is XHR.

import { get, ownHeaders, Problem, refusal } from "./api.js";

/** What the file chooser offers for each kind of asset. */
export const ACCEPT = { image: "image/png,image/jpeg,image/webp,image/gif,image/avif", audio: "audio/*", json: "application/json" };

/**
 * Upload one file and wait until it may be used.
 * @param {File} file
 * @param {{onProgress?: (share: number) => void, signal?: AbortSignal}} [options]
 */
export async function upload(file, { onProgress = () => {}, signal } = {}) {
  let asset = await send(file, onProgress, signal);
  for (let tries = 0; asset.status === "pending" && tries < 60; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    asset = await get(`/v1/assets/${asset.id}`);
  }
  if (asset.status === "rejected") throw new Problem(422, { detail: "This file could not be read as a picture." });
  return asset;
}

function send(file, onProgress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const body = new FormData();
    body.append("file", file, file.name || "pasted");
    request.open("POST", "/v1/assets");
    for (const [name, value] of Object.entries(ownHeaders())) request.setRequestHeader(name, value);
    request.responseType = "json";
    request.upload.onprogress = (event) => { if (event.lengthComputable) onProgress(event.loaded / event.total); };
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve(request.response);
      else reject(refusal(request.status, request.response ?? {}, new Headers({ "Retry-After": request.getResponseHeader("Retry-After") ?? "" })));
    };
    request.onerror = () => reject(new Problem(0, { detail: "The upload broke off. Check your connection and try again." }));
    request.onabort = () => reject(new DOMException("Aborted", "AbortError"));
    signal?.addEventListener("abort", () => request.abort());
    request.send(body);
  });
}
