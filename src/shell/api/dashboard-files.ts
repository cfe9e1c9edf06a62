/**
 * The dashboard's files, as its build left them: a page, and assets whose names have a hash in
 * them. Nothing is served but what was found in the directory, so no path leads out of it. Each is
 * kept in memory, compressed too.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { extname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { dashboardBytesMax } from "./limits.ts";

/** The page runs what came with it and reaches this server only. */
export const dashboardContentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "form-action 'none'",
].join("; ");

/** What a browser asked for. */
export interface FileRequest {
  /** Of the URL: `/assets/index-4f1c.js`. */
  readonly path: string;
  readonly acceptsGzip: boolean;
  /** `If-None-Match`, or "". */
  readonly knownTag: string;
}

interface StoredFile {
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Null where it would not be smaller. */
  readonly gzip: Uint8Array<ArrayBuffer> | null;
  readonly tag: string;
  readonly isHashed: boolean;
}

const types: { readonly [extension: string]: string } = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".ico": "image/x-icon",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".wasm": "application/wasm",
  ".webmanifest": "application/manifest+json",
  ".woff2": "font/woff2",
};

const page = "/index.html";

/** Where `npm run build` puts the dashboard, seen from the sources and from what is built. */
export const builtDashboard = fileURLToPath(
  new URL(
    import.meta.url.endsWith(".ts") ? "../../../dist/dashboard" : "../../dashboard",
    import.meta.url,
  ),
);

export class DashboardFiles {
  readonly #directory: string;
  #files: ReadonlyMap<string, StoredFile> = new Map();
  #builtMs = Number.NaN;

  constructor(directory = builtDashboard) {
    this.#directory = directory;
    this.#load(); // Compressing takes a while: not when somebody waits.
  }

  /** The page of every view, or null if the dashboard was not built. */
  page(request: FileRequest): Response | null {
    this.#load();
    return this.#answer(page, request);
  }

  /** A file other than the page, or null if there is none of that name. */
  file(request: FileRequest): Response | null {
    return request.path === page ? null : this.#answer(request.path, request);
  }

  #answer(path: string, { acceptsGzip, knownTag }: FileRequest): Response | null {
    const file = this.#files.get(path);
    if (file === undefined) return null;
    const headers: { [name: string]: string } = {
      "Content-Type": file.type,
      "Cache-Control": file.isHashed ? "public, max-age=31536000, immutable" : "no-cache",
      "Content-Security-Policy": dashboardContentSecurityPolicy,
      "Cross-Origin-Opener-Policy": "same-origin",
      "Cross-Origin-Resource-Policy": "same-origin",
      "Referrer-Policy": "no-referrer",
      "X-Content-Type-Options": "nosniff",
      ETag: file.tag,
      Vary: "Accept-Encoding",
    };
    if (knownTag === file.tag) return new Response(null, { status: 304, headers });
    const body = acceptsGzip && file.gzip !== null ? file.gzip : file.bytes;
    if (body === file.gzip) headers["Content-Encoding"] = "gzip";
    headers["Content-Length"] = String(body.length);
    return new Response(body, { status: 200, headers });
  }

  /** Reads the directory when it was built anew since. */
  #load(): void {
    const builtMs = statSync(join(this.#directory, page), { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (builtMs === this.#builtMs) return;
    this.#builtMs = builtMs;
    this.#files = builtMs === 0 ? new Map() : readFiles(this.#directory);
  }
}

function readFiles(directory: string): Map<string, StoredFile> {
  const files = new Map<string, StoredFile>();
  let bytesLeft = dashboardBytesMax;
  for (const entry of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    const type = types[extname(entry.name)];
    if (!entry.isFile() || type === undefined) continue;
    const full = join(entry.parentPath, entry.name);
    const bytes = new Uint8Array(readFileSync(full));
    bytesLeft -= bytes.length;
    if (bytesLeft < 0) break;
    const path = full.slice(directory.length).split(sep).join("/");
    files.set(path, storedFile(path, type, bytes));
  }
  return files;
}

function storedFile(path: string, type: string, bytes: Uint8Array<ArrayBuffer>): StoredFile {
  const gzip = new Uint8Array(gzipSync(bytes));
  const hash = createHash("sha256").update(bytes).digest("base64url").slice(0, 22);
  return {
    type,
    bytes,
    gzip: gzip.length < bytes.length ? gzip : null,
    tag: `"${hash}"`,
    isHashed: path.startsWith("/assets/"),
  };
}
