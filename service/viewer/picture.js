/** Pictures of anonymized windows: on minus off in every pixel, diverging around zero. */

const STEPS = 255;
const PERCENTILE = 0.99;
const MOST_SAMPLES = 8192;

/** `#rrggbb` as `[r, g, b]`. */
function rgb(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.trim().slice(at, at + 2), 16));
}

/** `2 * STEPS + 1` packed pixels from off over zero to on, from the page's own colours. */
export function divergingColours(style) {
  const [off, zero, on] = ["--off", "--zero", "--on"].map((name) =>
    rgb(style.getPropertyValue(name)),
  );
  const bytes = new Uint8ClampedArray(4 * (2 * STEPS + 1));
  for (let step = -STEPS; step <= STEPS; step += 1) {
    const end = step < 0 ? off : on;
    const share = Math.abs(step) / STEPS;
    const mixed = zero.map((value, i) => value + (end[i] - value) * share);
    bytes.set([...mixed, 255], 4 * (step + STEPS));
  }
  return new Uint32Array(bytes.buffer);
}

/**
 * On minus off, `[H, W]`, of a window's tensor `[2T, H, W]` (time-major, then off, on): of
 * time bin `bin`, or summed over all of them where `bin` is null.
 */
export function polarityDifference({ shape, values }, bin) {
  const [channels, height, width] = shape;
  const plane = height * width;
  const difference = new Float32Array(plane);
  const first = bin === null ? 0 : bin;
  const last = bin === null ? channels / 2 - 1 : bin;
  for (let b = first; b <= last; b += 1) {
    const off = values.subarray(2 * b * plane, (2 * b + 1) * plane);
    const on = values.subarray((2 * b + 1) * plane, (2 * b + 2) * plane);
    for (let i = 0; i < plane; i += 1) difference[i] += on[i] - off[i];
  }
  return difference;
}

/** The magnitude that 99 % of the pixels stay below: one hot pixel must not darken the rest. */
export function robustScale(difference) {
  const stride = Math.max(1, Math.floor(difference.length / MOST_SAMPLES));
  const magnitudes = new Float32Array(Math.ceil(difference.length / stride));
  for (let i = 0; i < magnitudes.length; i += 1) magnitudes[i] = Math.abs(difference[i * stride]);
  magnitudes.sort();
  const scale = magnitudes[Math.floor((magnitudes.length - 1) * PERCENTILE)];
  return Number.isFinite(scale) && scale > 0 ? scale : 1;
}

/** Draw `difference` `[H, W]`, full colour at `scale`, on every canvas of `canvases`. */
export function drawDifference(difference, width, height, scale, colours, canvases) {
  const pixels = new Uint32Array(difference.length);
  for (let i = 0; i < pixels.length; i += 1) {
    const step = Math.round((difference[i] / scale) * STEPS);
    pixels[i] = colours[Math.max(-STEPS, Math.min(STEPS, step || 0)) + STEPS];
  }
  const image = new ImageData(new Uint8ClampedArray(pixels.buffer), width, height);
  for (const canvas of canvases) {
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    canvas.getContext("2d").putImageData(image, 0, 0);
  }
}
