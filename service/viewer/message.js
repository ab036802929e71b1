/** One window as the service sends it: a safetensors message with the tensor `anonymized`. */

let halves = null;

/** All 65,536 float16 values: Float16Array is too new to rely on. */
function halfTable() {
  if (halves) return halves;
  halves = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits += 1) {
    const sign = bits >> 15 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 0) halves[bits] = sign * fraction * 2 ** -24;
    else if (exponent === 31) halves[bits] = fraction ? NaN : sign * Infinity;
    else halves[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return halves;
}

function widen(halfWords) {
  const table = halfTable();
  const values = new Float32Array(halfWords.length);
  for (let i = 0; i < values.length; i += 1) values[i] = table[halfWords[i]];
  return values;
}

/**
 * Decode an ArrayBuffer into `{metadata, shape, values}`: string metadata, `[2T, H, W]`, and
 * the tensor as a Float32Array. Throws an Error, in one line, on anything else.
 */
export function decodeMessage(buffer) {
  if (buffer.byteLength < 8) throw new Error("window message too short");
  const headerBytes = Number(new DataView(buffer).getBigUint64(0, true));
  if (headerBytes > buffer.byteLength - 8) throw new Error("window message cut short");
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 8, headerBytes)));
  const { dtype, shape, data_offsets: [start, stop] } = header.anonymized;
  const size = { F16: 2, F32: 4 }[dtype];
  const count = shape.reduce((product, n) => product * n, 1);
  const from = 8 + headerBytes + start;
  const fits = stop - start === count * size && 8 + headerBytes + stop <= buffer.byteLength;
  if (!size || shape.length !== 3 || shape[0] % 2 || !fits) {
    throw new Error("window message with an unexpected tensor");
  }
  // Typed arrays need aligned offsets, which a writer may not have padded the header for.
  const [data, offset] = from % size ? [buffer.slice(from, from + count * size), 0] : [buffer, from];
  const values =
    dtype === "F16"
      ? widen(new Uint16Array(data, offset, count))
      : new Float32Array(data, offset, count);
  return { metadata: header.__metadata__ ?? {}, shape, values };
}
