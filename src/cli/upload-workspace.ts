/**
 * Brings a directory to the controller, once for each content.
 *
 * @module
 */

import { requestOnce } from "../client/http-request.ts";
import { packWorkspace } from "../client/workspace.ts";
import { CapstanError } from "../model/errors.ts";
import type { Target } from "./global-flags.ts";

/**
 * Packs and uploads a directory. Resolves with its hash, the `workspace` of a job.
 *
 * @throws CapstanError INVALID_ARGUMENT for a directory that cannot be packed; UNREACHABLE; what
 * the controller says of the upload
 */
export async function uploadWorkspace(target: Target, directory: string): Promise<string> {
  const { hash, bytes } = await packWorkspace(directory);
  const { url, token = "" } = target;
  const request = { url: new URL(`/v1/bundles/${hash}`, url), token };
  const head = await requestOnce({ ...request, method: "HEAD" });
  if (head.status === 200) return hash;
  const put = await requestOnce({ ...request, method: "PUT", body: bytes });
  if (put.status >= 200 && put.status < 300) return hash;
  const what = `the controller refused the workspace ${directory} (${bytes.length} bytes)`;
  const code = put.status === 401 ? "UNAUTHENTICATED" : "OVERLOADED";
  throw new CapstanError(code, `${what}: ${put.status} ${put.text.slice(0, 200)}`);
}
