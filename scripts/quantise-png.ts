/**
 * A picture of a screen with at most 256 colours: a third of the size, and hardly another picture.
 * Reads what Chromium writes (8 bits a channel, no interlace), writes an indexed PNG.
 *
 * @module
 */

import assert from "node:assert/strict";
import { crc32, deflateSync, inflateSync } from "node:zlib";

const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const coloursMax = 256;
/** So many of the most frequent colours stay what they are. */
const exactColours = 64;

interface Pixels {
  readonly width: number;
  readonly height: number;
  /** Red, green, blue of each pixel. */
  readonly rgb: Uint8Array;
}

export function quantisePng(png: Buffer): Buffer {
  const pixels = readPixels(png);
  const palette = choosePalette(pixels.rgb);
  return writeIndexed(pixels, palette);
}

function* chunksOf(png: Buffer): Generator<{ readonly type: string; readonly data: Buffer }> {
  assert.ok(png.subarray(0, 8).equals(signature), "not a PNG");
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const type = png.toString("latin1", at + 4, at + 8);
    yield { type, data: png.subarray(at + 8, at + 8 + length) };
    at += length + 12;
  }
}

function readPixels(png: Buffer): Pixels {
  const chunks = [...chunksOf(png)];
  const header = chunks[0].data;
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const [depth, colourType, , , interlace] = header.subarray(8);
  assert.ok(depth === 8 && interlace === 0 && (colourType === 2 || colourType === 6));
  const channels = colourType === 2 ? 3 : 4;
  const parts = chunks.filter(({ type }) => type === "IDAT").map(({ data }) => data);
  const rows = unfilter(inflateSync(Buffer.concat(parts)), { width, height, channels });
  const rgb = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel++) {
    for (let channel = 0; channel < 3; channel++) {
      rgb[pixel * 3 + channel] = rows[pixel * channels + channel];
    }
  }
  return { width, height, rgb };
}

interface RowShape {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/** Undoes the filters of the rows (PNG, chapter 9). */
function unfilter(filtered: Buffer, { width, height, channels }: RowShape): Uint8Array {
  const stride = width * channels;
  const out = new Uint8Array(stride * height);
  for (let row = 0; row < height; row++) {
    const filter = filtered[row * (stride + 1)];
    for (let at = 0; at < stride; at++) {
      const left = at >= channels ? out[row * stride + at - channels] : 0;
      const up = row > 0 ? out[(row - 1) * stride + at] : 0;
      const corner = row > 0 && at >= channels ? out[(row - 1) * stride + at - channels] : 0;
      const guess = [0, left, up, (left + up) >> 1, paeth(left, up, corner)][filter];
      out[row * stride + at] = filtered[row * (stride + 1) + 1 + at] + guess;
    }
  }
  return out;
}

function paeth(left: number, up: number, corner: number): number {
  const guess = left + up - corner;
  const [byLeft, byUp] = [Math.abs(guess - left), Math.abs(guess - up)];
  const byCorner = Math.abs(guess - corner);
  if (byLeft <= byUp && byLeft <= byCorner) return left;
  return byUp <= byCorner ? up : corner;
}

/** Areas keep their colours; of the others those that differ most from what is there. */
function choosePalette(rgb: Uint8Array): readonly number[] {
  const exact = new Map<number, number>();
  for (let at = 0; at < rgb.length; at += 3) {
    const colour = (rgb[at] << 16) | (rgb[at + 1] << 8) | rgb[at + 2];
    exact.set(colour, (exact.get(colour) ?? 0) + 1);
  }
  const frequent = [...exact].sort((a, b) => b[1] - a[1]);
  const exactly = frequent.slice(0, exactColours).map(([colour]) => colour);
  // Colours that are near one that was taken are told by it; the nearness grows until all fit.
  for (let near = 6; ; near *= 2) {
    const palette = [...exactly];
    for (const [colour] of frequent.slice(exactColours)) {
      if (palette.length < coloursMax && palette.every((each) => distance(each, colour) > near)) {
        palette.push(colour);
      }
    }
    if (palette.length < coloursMax || near > 4_000) return palette;
  }
}

function distance(a: number, b: number): number {
  const red = (a >> 16) - (b >> 16);
  const green = ((a >> 8) & 255) - ((b >> 8) & 255);
  const blue = (a & 255) - (b & 255);
  return red * red + green * green + blue * blue;
}

function writeIndexed({ width, height, rgb }: Pixels, palette: readonly number[]): Buffer {
  const nearest = new Map<number, number>();
  const rows = Buffer.alloc((width + 1) * height);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const at = (row * width + column) * 3;
      const colour = (rgb[at] << 16) | (rgb[at + 1] << 8) | rgb[at + 2];
      let index = nearest.get(colour);
      if (index === undefined) {
        index = nearestOf(palette, colour);
        nearest.set(colour, index);
      }
      rows[row * (width + 1) + 1 + column] = index;
    }
  }
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 3, 0, 0, 0], 8);
  const colours = Buffer.from(
    palette.flatMap((each) => [each >> 16, (each >> 8) & 255, each & 255]),
  );
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("PLTE", colours),
    chunk("IDAT", deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

function nearestOf(palette: readonly number[], colour: number): number {
  let best = 0;
  for (let index = 1; index < palette.length; index++) {
    if (distance(palette[index], colour) < distance(palette[best], colour)) best = index;
  }
  return best;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data]);
  const out = Buffer.alloc(body.length + 8);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE(crc32(body), body.length + 4);
  return out;
}
