// How the demo looks in a terminal: steps with their times, two columns side by side, colour only where it is wanted.

export interface Screen {
  line(text?: string): void;
  heading(text: string): void;
  /** Runs one step and prints it with what it showed and its time; a failed step is printed and thrown on. */
  step<T>(says: string, work: () => Promise<Step<T>>): Promise<T>;
  columns(left: Column, right: Column): void;
  /** A label and what belongs to it. */
  pair(label: string, text: string): void;
}

export interface Step<T> {
  readonly shows: string;
  readonly value: T;
}

export interface Column {
  readonly title: string;
  readonly lines: readonly string[];
}

export interface Terminal {
  write(text: string): void;
  readonly colour: boolean;
  readonly width: number;
  readonly now: () => number;
}

type Paint = (text: string) => string;

const labelWidth = 20;
const gap = "   ";

export function makeScreen({ write, colour, width, now }: Terminal): Screen {
  const style =
    (code: number): Paint =>
    (text) =>
      colour ? `\u001b[${code}m${text}\u001b[0m` : text;
  const paint = { bold: style(1), soft: style(2), bad: style(31), good: style(32) };
  const line = (text = ""): void => write(`${text === "" ? "" : `  ${text}`}\n`);
  const timed = (mark: string, says: string, shows: string, ms: number): void =>
    line(`${mark} ${says.padEnd(30)} ${paint.soft(shows.padEnd(52))} ${`${Math.round(ms)} ms`.padStart(8)}`);

  return {
    line,
    heading(text) {
      line();
      line(paint.bold(text));
    },
    async step(says, work) {
      const started = now();
      try {
        const { shows, value } = await work();
        timed(paint.good("✓"), says, shows, now() - started);
        return value;
      } catch (error) {
        timed(paint.bad("✗"), says, "failed", now() - started);
        throw error;
      }
    },
    columns(left, right) {
      const span = Math.max(...[left.title, ...left.lines].map((text) => text.length));
      const other = Math.max(...[right.title, ...right.lines].map((text) => text.length));
      line();
      if (span + other + gap.length + 2 > width) stacked(line, paint.bold, [left, right]);
      else beside(line, paint, { left, right, span, other });
    },
    pair: (label, text) => line(`${paint.soft(label.padEnd(labelWidth))} ${text}`),
  };
}

function stacked(line: (text?: string) => void, bold: Paint, columns: readonly Column[]): void {
  for (const { title, lines } of columns) {
    line(bold(title));
    for (const text of lines) line(text);
    line();
  }
}

interface Sides {
  readonly left: Column;
  readonly right: Column;
  readonly span: number;
  readonly other: number;
}

function beside(
  line: (text?: string) => void,
  paint: { readonly bold: Paint; readonly soft: Paint },
  { left, right, span, other }: Sides,
): void {
  line(paint.bold(left.title.padEnd(span)) + gap + paint.bold(right.title));
  line(paint.soft("─".repeat(span) + gap + "─".repeat(other)));
  const rows = Math.max(left.lines.length, right.lines.length);
  for (let at = 0; at < rows; at += 1) {
    line(`${(left.lines[at] ?? "").padEnd(span)}${gap}${right.lines[at] ?? ""}`.trimEnd());
  }
}
