// How numbers, times and names are said.

const number = new Intl.NumberFormat("en");
const moment = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });

export const count = (value) => number.format(value);
export const credits = (value) => `${number.format(value)} ${value === 1 ? "credit" : "credits"}`;

/** "negativePrompt" → "Negative prompt". */
export function label(name) {
  const words = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replace(/[_-]+/g, " ").toLowerCase().trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
}

export function bytes(size) {
  if (size < 1000) return `${size} B`;
  const power = Math.min(3, Math.floor(Math.log10(size) / 3));
  return `${(size / 1000 ** power).toFixed(size / 1000 ** power < 10 ? 1 : 0)} ${["B", "kB", "MB", "GB"][power]}`;
}

export function ago(time) {
  const seconds = (new Date(time).getTime() - Date.now()) / 1000;
  const spans = [[60, "second", 1], [3600, "minute", 60], [86400, "hour", 3600], [604800, "day", 86400]];
  for (const [limit, unit, size] of spans) {
    if (Math.abs(seconds) < limit) {
      return unit === "second" ? "just now" : relative.format(Math.round(seconds / Number(size)), /** @type {any} */ (unit));
    }
  }
  return new Date(time).toLocaleDateString("en", { day: "numeric", month: "short", year: "numeric" });
}

export const clock = (time) => moment.format(new Date(time));

export function duration(from, to) {
  const seconds = (new Date(to).getTime() - new Date(from).getTime()) / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  return `${Math.floor(seconds / 60)} min ${Math.round(seconds % 60)} s`;
}

/** What people call a media type: "image/jpeg" → "JPEG". */
export function format(contentType) {
  const ending = contentType.split(";")[0].split("/").at(-1).replace(/^x-|\+.*$/g, "");
  return { plain: "TXT", mpeg: "MP3", mp4: "M4A" }[ending] ?? ending.toUpperCase();
}

/** The length of a recording: 75.4 → "1:15". */
export function length(seconds) {
  const whole = Math.max(1, Math.round(seconds));
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

/** "1 picture", "1,200 pictures". */
export const counted = (value, noun) => `${number.format(value)} ${noun}${value === 1 ? "" : "s"}`;

export const STATUS = {
  queued: "Queued", running: "Running", succeeded: "Done", failed: "Failed", canceled: "Canceled", expired: "Expired",
};

/** What a job is doing, in words. */
export function stage(job) {
  if (job.status === "queued") {
    if (job.attempts > 0) return "Trying again shortly";
    return job.queuePosition > 1 ? `Number ${count(job.queuePosition)} in the queue` : "Waiting for a free place";
  }
  if (job.status !== "running") return STATUS[job.status] ?? job.status;
  const words = {
    submitting: "Sending it to the model", waiting: "The model is working", storing: "Saving the result",
    reconciling: "Checking back with the provider",
  };
  return words[job.stage] ?? "Running";
}

// The operations, as people would say them: [title, icon, one line]. An unknown one is named by its slug.
const OPERATIONS = {
  "generate": ["Generate", "generate", "A picture from words"],
  "edit": ["Edit", "edit", "Change a picture by asking"],
  "inpaint": ["Inpaint", "inpaint", "Redraw a painted area"],
  "remix": ["Remix", "remix", "A new take on a picture"],
  "reframe": ["Reframe", "reframe", "Another shape, filled in"],
  "replace-background": ["Replace background", "background", "New scenery behind"],
  "remove-background": ["Remove background", "transparent", "Keep only the subject"],
  "remove-object": ["Remove object", "eraser", "Erase what disturbs"],
  "generate-transparent": ["Generate transparent", "transparent", "A cut-out from words"],
  "upscale": ["Upscale", "upscale", "Larger and sharper"],
  "describe": ["Describe", "describe", "Words from a picture"],
  "magic-prompt": ["Magic prompt", "prompt", "A better prompt from yours"],
  "layerize": ["Layerize", "layers", "Split into layers"],
  "vectorize": ["Vectorize", "vectorize", "Shapes instead of pixels"],
  "transcribe": ["Transcribe", "audio", "Words from sound"],
};

export function operation(slug) {
  const [title, symbol, line] = OPERATIONS[slug] ?? [label(slug), "generate", ""];
  return { slug, title, icon: symbol, line, order: Object.keys(OPERATIONS).indexOf(slug) };
}
