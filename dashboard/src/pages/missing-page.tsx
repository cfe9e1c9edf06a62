/**
 * An address that names no view.
 *
 * @module
 */

import { Empty } from "../components/pieces.tsx";
import { path } from "../router.ts";

export function MissingPage() {
  return (
    <Empty title="There is no such page">
      <p>
        <code>{path.value}</code> names no view. Begin at the <a href="/">overview</a>, or press{" "}
        <kbd>/</kbd> to search.
      </p>
    </Empty>
  );
}
