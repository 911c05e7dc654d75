// The blurred stand-in of a picture, from the few bytes that its asset carries: https://evanw.github.io/thumbhash/
// A ThumbHash is a brightness (l) and two colours (p: yellow-blue, q: red-green), each a mean and a few cosine waves.

const LONG_SIDE = 16;
const MOST_WAVES = 7;
/** @type {Map<number, number[][]>} */
const known = new Map();

/**
 * A small canvas with the picture's shape; null where there is no hash, or one with transparency (none is made here).
 * @param {string | null} base64
 * @param {number} ratio the picture's width / height
 */
export function placeholder(base64, ratio) {
  const hash = Uint8Array.from(atob(base64 ?? ""), (letter) => letter.charCodeAt(0));
  if (hash.length < 5 || hash[2] & 0x80) return null;
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(ratio > 1 ? LONG_SIDE : LONG_SIDE * ratio));
  canvas.height = Math.max(1, Math.round(ratio > 1 ? LONG_SIDE / ratio : LONG_SIDE));
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(canvas.width, canvas.height);
  paint(image, waves(hash));
  context.putImageData(image, 0, 0);
  return canvas;
}

function waves(hash) {
  const means = hash[0] | hash[1] << 8 | hash[2] << 16;
  const scales = hash[3] | hash[4] << 8;
  const isLandscape = scales >> 15;
  const short = Math.max(3, scales & 7);
  let read = 0;
  const nibble = () => hash[5 + (read >> 1)] >> ((read++ & 1) << 2) & 15;
  const channel = (mean, scale, columns, rows) => {
    const parts = [];
    for (let y = 0; y < rows; y++) {
      for (let x = y ? 0 : 1; x * rows < columns * (rows - y); x++) parts.push([x, y, (nibble() / 7.5 - 1) * scale * 2]);
    }
    return { mean, parts };
  };
  return [
    channel((means & 63) / 63, (means >> 18 & 31) / 31, isLandscape ? 7 : short, isLandscape ? short : 7),
    // Colours are kept a quarter too pale.
    channel((means >> 6 & 63) / 31.5 - 1, (scales >> 3 & 63) / 63 * 1.25, 3, 3),
    channel((means >> 12 & 63) / 31.5 - 1, (scales >> 9 & 63) / 63 * 1.25, 3, 3),
  ];
}

function paint({ data, width, height }, channels) {
  const across = cosines(width);
  const down = cosines(height);
  const values = [0, 0, 0];
  for (let y = 0, index = 0; y < height; y++) {
    for (let x = 0; x < width; x++, index += 4) {
      channels.forEach(({ mean, parts }, number) => {
        let value = mean;
        for (const [wave, fall, swing] of parts) value += swing * across[wave][x] * down[fall][y];
        values[number] = value;
      });
      const [light, yellow, red] = values;
      const blue = light - 2 / 3 * yellow;
      const most = (3 * light - blue + red) / 2;
      // Clamped by the array.
      data[index] = most * 255;
      data[index + 1] = (most - red) * 255;
      data[index + 2] = blue * 255;
      data[index + 3] = 255;
    }
  }
}

/** The waves along a side of so many pixels. */
function cosines(size) {
  if (!known.has(size)) known.set(size, Array.from({ length: MOST_WAVES }, (_, wave) => Array.from({ length: size }, (__, at) => Math.cos(Math.PI / size * (at + 0.5) * wave))));
  return /** @type {number[][]} */ (known.get(size));
}
