// Reading a ThumbHash: some 25 bytes that say roughly what a picture looks like (https://evanw.github.io/thumbhash/).
//
// After the reference implementation: Copyright (c) 2023 Evan Wallace, MIT License. Permission is hereby granted, free
// of charge, to any person obtaining a copy of this software and associated documentation files (the "Software"), to
// deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge,
// publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is
// furnished to do so, subject to the following conditions: The above copyright notice and this permission notice shall
// be included in all copies or substantial portions of the Software. THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY
// OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY, FITNESS FOR A
// PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM,
// DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION
// WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.

// The finest wave of a hash has three crests along a side: more pixels would only be smoother, as scaling up is anyway.
const LONGEST_SIDE = 16;

/**
 * The pixels behind a hash, 16 on the longer side.
 * @param {string} base64
 * @returns {ImageData | null} null for what is no hash
 */
export function pixels(base64) {
  let hash;
  try {
    hash = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
  if (hash.length < 5) return null;
  const head = hash[0] | (hash[1] << 8) | (hash[2] << 16);
  const tail = hash[3] | (hash[4] << 8);
  const hasAlpha = head >> 23 === 1;
  const isLandscape = tail >> 15 === 1;
  const longer = hasAlpha ? 5 : 7;
  const sides = isLandscape ? [longer, tail & 7] : [tail & 7, longer];
  const [across, down] = sides.map((side) => Math.max(3, side));
  const read = reader(hash, hasAlpha ? 6 : 5);
  const light = read((head & 63) / 63, across, down, ((head >> 18) & 31) / 31);
  // Saturation is given back what rounding took from it.
  const yellow = read(((head >> 6) & 63) / 31.5 - 1, 3, 3, (((tail >> 3) & 63) / 63) * 1.25);
  const red = read(((head >> 12) & 63) / 31.5 - 1, 3, 3, (((tail >> 9) & 63) / 63) * 1.25);
  const alpha = hasAlpha ? read((hash[5] & 15) / 15, 5, 5, (hash[5] >> 4) / 15) : null;
  const ratio = sides[1] ? sides[0] / sides[1] : 1;
  return paint(Math.round(LONGEST_SIDE * Math.min(1, ratio)), Math.round(LONGEST_SIDE / Math.max(1, ratio)), { light, yellow, red, alpha });
}

/** Reads one channel after another: its mean, and the waves of four bits each that are added to it. */
function reader(hash, start) {
  let index = 0;
  return (mean, across, down, scale) => {
    const waves = [];
    for (let y = 0; y < down; y++) {
      for (let x = y ? 0 : 1; x * down < across * (down - y); x++) {
        const four = (hash[start + (index >> 1)] >> ((index & 1) << 2)) & 15;
        waves.push({ x, y, height: 2 * (four / 7.5 - 1) * scale });
        index += 1;
      }
    }
    return { mean, waves };
  };
}

function paint(width, height, { light, yellow, red, alpha }) {
  const columns = cosines(width), rows = cosines(height);
  const image = new ImageData(width, height);
  const at = ({ mean, waves }, x, y) => {
    let sum = mean;
    for (const wave of waves) sum += wave.height * columns[wave.x][x] * rows[wave.y][y];
    return sum;
  };
  for (let y = 0, index = 0; y < height; y++) {
    for (let x = 0; x < width; x++, index += 4) {
      const l = at(light, x, y), p = at(yellow, x, y), q = at(red, x, y);
      const blue = l - (2 / 3) * p;
      const r = (3 * l - blue + q) / 2;
      // Clamped and rounded by the array itself.
      image.data[index] = 255 * r;
      image.data[index + 1] = 255 * (r - q);
      image.data[index + 2] = 255 * blue;
      image.data[index + 3] = alpha ? 255 * at(alpha, x, y) : 255;
    }
  }
  return image;
}

/** The first seven waves along a side of so many pixels. */
function cosines(size) {
  return Array.from({ length: 7 }, (_, wave) => Float64Array.from({ length: size }, (__, place) => Math.cos((Math.PI / size) * (place + 0.5) * wave)));
}
