/**
 * A pattern of slanted lines: what failed is told from what succeeded without its colour.
 *
 * @module
 */

const patterns = new Map<string, CanvasPattern>();

export function hatch(
  context: CanvasRenderingContext2D,
  colour: string,
  ground: string,
): CanvasPattern | string {
  const key = `${colour} ${ground}`;
  const known = patterns.get(key);
  if (known !== undefined) return known;
  const size = 6;
  const tile = document.createElement("canvas");
  tile.width = size;
  tile.height = size;
  const on = tile.getContext("2d");
  if (on === null) return colour;
  on.fillStyle = colour;
  on.fillRect(0, 0, size, size);
  on.strokeStyle = ground;
  on.globalAlpha = 0.55;
  on.lineWidth = 1.4;
  on.beginPath();
  for (const shift of [-size, 0, size]) {
    on.moveTo(shift, size);
    on.lineTo(shift + size, 0);
  }
  on.stroke();
  const pattern = context.createPattern(tile, "repeat");
  if (pattern === null) return colour;
  patterns.set(key, pattern);
  return pattern;
}
