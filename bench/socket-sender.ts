/**
 * The other end of `measureSocketOnly`: sends as many bytes as it is told, to whoever asks.
 *
 * @module
 */

import net from "node:net";

const [path, bytes] = process.argv.slice(2);
const value = Buffer.from(new SharedArrayBuffer(Number(bytes)));
const server = net.createServer((socket) => {
  socket.on("data", () => socket.write(value));
  socket.on("error", () => socket.destroy());
});
server.listen(path, () => process.send?.("ready"));
process.on("disconnect", () => process.exit());
