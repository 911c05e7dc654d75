// Building elements. Data only ever becomes text or a property: nothing here parses HTML.

const SVG = "http://www.w3.org/2000/svg";

/**
 * Build an element from "tag.class.class", its properties and its children.
 * `on…` takes a listener, `data` a map of data attributes; null, undefined and false are left out.
 * @param {string} spec
 * @param {Record<string, any>} [props]
 * @param {...(Node | string | number | null | undefined | false | Array<any>)} children
 * @returns {any}
 */
export function h(spec, props = {}, ...children) {
  const [tag, ...classes] = spec.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "data") Object.assign(element.dataset, value);
    else if (name === "value" || (name in element && typeof value !== "string")) element[name] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(2).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** One icon of the sprite in templates/studio/icons.html, hidden from screen readers: its button has the words. */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.classList.add("icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#i-${name}`);
  svg.append(use);
  return svg;
}

export const byId = (id) => /** @type {any} */ (document.getElementById(id));

/** A short word at the edge of the screen; read out by screen readers, gone after a few seconds. */
export function toast(text, { kind = "plain", action = null } = {}) {
  const note = h("div.toast", { data: { kind } }, kind === "bad" ? icon("alert") : kind === "good" ? icon("check") : null, h("span", {}, text));
  const leave = () => {
    note.classList.add("leaving");
    setTimeout(() => note.remove(), 250);
  };
  if (action) note.append(h("button.link", { type: "button", onclick: () => { leave(); action.run(); } }, action.label));
  byId("toasts").append(note);
  setTimeout(leave, kind === "bad" || action ? 8000 : 4000);
}

/** Say something to screen readers without showing it. */
export function announce(text) {
  const announcer = document.getElementById("announcer");
  if (announcer) announcer.textContent = text;
}

/** Ask before something that cannot be undone. Resolves to true when the person agreed. */
export function confirmation({ title, text, agree, refuse = "Keep it" }) {
  const dialog = h("dialog.ask", { "aria-labelledby": "ask-title" },
    h("form", { method: "dialog" },
      h("h2", { id: "ask-title" }, title), h("p.muted", {}, text),
      h("div.row.end", {},
        h("button.button", { value: "no" }, refuse),
        h("button.button.danger", { value: "yes" }, agree))));
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => {
    resolve(dialog.returnValue === "yes");
    dialog.remove();
  }));
}

/** A button that opens a panel below it: arrows walk through it; Escape, a click elsewhere or choosing closes it. */
export function disclose(button, panel) {
  const elsewhere = (event) => {
    if (!panel.contains(event.target) && !button.contains(event.target)) set(false);
  };
  const set = (open) => {
    panel.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    // Listened to only while open: panels come and go with what is chosen in them.
    if (open) document.addEventListener("pointerdown", elsewhere);
    else document.removeEventListener("pointerdown", elsewhere);
  };
  set(false);
  button.addEventListener("click", () => {
    set(panel.hidden);
    if (!panel.hidden) (panel.querySelector("[aria-checked=true], [autofocus]") ?? panel.querySelector("button, a, input"))?.focus({ preventScroll: true });
  });
  panel.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const stops = [...panel.querySelectorAll("button, a")];
    stops.at((stops.indexOf(document.activeElement) + step) % stops.length)?.focus();
  });
  for (const part of [button, panel]) {
    part.addEventListener("keydown", (event) => {
      if (event.key !== "Escape" || panel.hidden) return;
      event.stopPropagation();
      set(false);
      button.focus();
    });
  }
}

export async function copy(text, said = "Copied") {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without https there is no clipboard API; a selected field still can be copied.
    const field = h("textarea", { value: text, class: "visually-hidden" });
    (document.querySelector("dialog[open]") ?? document.body).append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
  }
  toast(said, { kind: "good" });
}

/** Call `load` whenever the end of a list comes near the screen. */
export function whenNear(sentinel, load) {
  new IntersectionObserver((entries) => {
    if (entries.some((entry) => entry.isIntersecting)) load();
  }, { rootMargin: "600px" }).observe(sentinel);
}
