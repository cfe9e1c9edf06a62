/**
 * A table of rows that the server has sorted, filtered and cut into pages.
 *
 * @module
 */

import type { ComponentChildren } from "preact";
import { navigate, query, setQuery } from "../router.ts";
import { formatCount } from "../text/format.ts";
import { Icon } from "./glyph.tsx";

export interface Column<Row> {
  readonly name: string;
  readonly title: string;
  /** What the server calls the order by this column. */
  readonly orderBy?: string;
  readonly numeric?: boolean;
  /** Left out on narrow screens. */
  readonly wide?: boolean;
  /** Takes the room that is left. */
  readonly grows?: boolean;
  readonly cell: (row: Row) => ComponentChildren;
}

interface Props<Row> {
  readonly label: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly rowKey: (row: Row) => string;
  readonly href?: (row: Row) => string;
  /** The present order, as the server is told: `name` or `name desc`. */
  readonly order?: string;
  readonly stale?: boolean;
}

export function DataTable<Row>(props: Props<Row>) {
  const { label, columns, rows, rowKey, href, order = "", stale = false } = props;
  return (
    <div class="table-scroll" tabIndex={-1}>
      <table class={stale ? "table stale" : "table"} aria-label={label} aria-busy={stale}>
        <thead>
          <tr>
            {columns.map((column) => (
              <Heading key={column.name} column={column} order={order} />
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr
              key={rowKey(row)}
              class={href === undefined ? "" : "linked"}
              onClick={(event) => href !== undefined && followRow(event, href(row))}
            >
              {columns.map((column) => (
                <td key={column.name} class={classOf(column)} data-title={column.title}>
                  {column.cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function classOf<Row>({ numeric, wide, grows }: Column<Row>): string {
  return [numeric && "numeric", wide && "wide", grows && "grows"].filter(Boolean).join(" ");
}

/** A click beside a link of the row is one on the row; marking text is not. */
function followRow(event: MouseEvent, href: string): void {
  const target = event.target instanceof Element ? event.target : null;
  if (target?.closest("a, button, input") !== null) return;
  if (window.getSelection()?.toString() !== "") return;
  navigate(href);
}

function Heading<Row>({ column, order }: { readonly column: Column<Row>; readonly order: string }) {
  const { title, orderBy } = column;
  if (orderBy === undefined) {
    return (
      <th scope="col" class={classOf(column)}>
        {title}
      </th>
    );
  }
  const [by, direction] = order.split(" ");
  const sorted = by !== orderBy ? "none" : direction === "desc" ? "descending" : "ascending";
  const next = sorted === "descending" ? orderBy : `${orderBy} desc`;
  return (
    <th scope="col" class={classOf(column)} aria-sort={sorted}>
      <button type="button" class="sort" onClick={() => setQuery({ order: next, page: null })}>
        {title}
        <span aria-hidden="true">
          {sorted === "none" ? "↕" : sorted === "ascending" ? "↑" : "↓"}
        </span>
      </button>
    </th>
  );
}

interface PagerProps {
  readonly nextPageToken: string;
  readonly shown: number;
  readonly total?: number | undefined;
  /** Of several, with the s. */
  readonly noun: string;
}

/** The tokens of the pages before this one are in the URL, so that going back works from a link. */
export function Pager({ nextPageToken, shown, total, noun }: PagerProps) {
  const pages = (query.value.get("page") ?? "").split("~").filter((each) => each !== "");
  const go = (tokens: readonly string[]) => setQuery({ page: tokens.join("~") }, false);
  const counted =
    total === undefined ? formatCount(shown) : `${formatCount(shown)} of ${formatCount(total)}`;
  const named = (total ?? shown) === 1 ? noun.slice(0, -1) : noun;
  if (pages.length === 0 && nextPageToken === "") {
    return (
      <p class="pager soft">
        {counted} {named}
      </p>
    );
  }
  return (
    <nav class="pager" aria-label="Pages of the list">
      <span class="soft">
        {counted} {named}, page {pages.length + 1}
      </span>
      <button
        type="button"
        class="button small"
        disabled={pages.length === 0}
        onClick={() => go(pages.slice(0, -1))}
      >
        <Icon name="back" /> Previous
      </button>
      <button
        type="button"
        class="button small"
        disabled={nextPageToken === ""}
        onClick={() => go([...pages, nextPageToken])}
      >
        Next <Icon name="forward" />
      </button>
    </nav>
  );
}

/** The token of the present page, as the list methods take it. */
export function pageToken(): string {
  return (query.value.get("page") ?? "").split("~").at(-1) ?? "";
}
