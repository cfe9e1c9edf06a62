/**
 * What the page and the worker that lays graphs out say to each other.
 *
 * @module
 */

export interface LayoutNode {
  readonly id: string;
  readonly width: number;
  readonly height: number;
}

export interface LayoutEdge {
  readonly from: string;
  readonly to: string;
}

export interface LayoutOrder {
  readonly order: number;
  readonly nodes: readonly LayoutNode[];
  readonly edges: readonly LayoutEdge[];
  /** From left to right, or from top to bottom. */
  readonly direction: "LR" | "TB";
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface Layout {
  readonly order: number;
  readonly width: number;
  readonly height: number;
  /** Centres, in the order of the nodes. */
  readonly nodes: readonly Point[];
  /** Bends, in the order of the edges. */
  readonly edges: readonly (readonly Point[])[];
  /** How long it took, off the main thread. */
  readonly tookMs: number;
}
