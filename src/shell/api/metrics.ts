/**
 * Numbers about the process in the text format of Prometheus, version 0.0.4.
 *
 * @module
 */

/** One name with its values. Names of counters end in `_total`. */
export interface Metric {
  readonly name: string;
  readonly type: "counter" | "gauge" | "histogram";
  /** One sentence. */
  readonly help: string;
  readonly samples: readonly MetricSample[];
}

export interface MetricSample {
  /** Of a histogram: `_bucket`, `_sum` or `_count`, behind the name. */
  readonly suffix?: string;
  readonly labels: { readonly [label: string]: string };
  readonly value: number;
}

/** What `GET /metrics` is served as. */
export const metricsContentType = "text/plain; version=0.0.4; charset=utf-8";

/** One value without labels. */
export function plainMetric(
  type: Metric["type"],
  name: string,
  help: string,
  value: number,
): Metric {
  return { name, type, help, samples: [{ labels: {}, value }] };
}

/** One value for each entry of a record, told apart by one label. */
export function metricByLabel(
  description: Omit<Metric, "samples">,
  label: string,
  values: { readonly [name: string]: number },
): Metric {
  const samples = Object.entries(values).map(([name, value]) => {
    return { labels: { [label]: name }, value };
  });
  return { ...description, samples };
}

export function formatMetrics(metrics: readonly Metric[]): string {
  return metrics.map(formatMetric).join("");
}

function formatMetric({ name, type, help, samples }: Metric): string {
  const lines = samples.map(({ suffix = "", labels, value }) => {
    return `${name}${suffix}${formatLabels(labels)} ${value}\n`;
  });
  return `# HELP ${name} ${help.replaceAll("\n", " ")}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function formatLabels(labels: MetricSample["labels"]): string {
  const entries = Object.entries(labels);
  if (entries.length === 0) return "";
  return `{${entries.map(([label, value]) => `${label}="${escaped(value)}"`).join(",")}}`;
}

function escaped(value: string): string {
  return value.replace(/[\\"\n]/g, (char) => (char === "\n" ? "\\n" : `\\${char}`));
}
