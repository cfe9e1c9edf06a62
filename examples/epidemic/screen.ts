/**
 * Where the demo prints, and the colours that this place can show.
 *
 * @module
 */

/** A stream of text that may be a terminal. */
export interface Screen {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

type Style = (text: string) => string;

/** Colours; each is the identity where there are none. */
export interface Styles {
  readonly bold: Style;
  readonly dim: Style;
  readonly cyan: Style;
  readonly yellow: Style;
  readonly green: Style;
  readonly red: Style;
}

/** The colours of a screen: none in a pipe or when NO_COLOR is set. */
export function styleFor(screen: Screen): Styles {
  const coloured = screen.isTTY === true && (process.env.NO_COLOR ?? "") === "";
  const style = (code: number) => (text: string) =>
    coloured ? `\x1b[${code}m${text}\x1b[0m` : text;
  return {
    ...{ bold: style(1), dim: style(2), cyan: style(36) },
    ...{ yellow: style(33), green: style(32), red: style(31) },
  };
}
