// The audit as text to take away: JSON Lines that lose nothing, and CSV that a spreadsheet may open (RFC 4180).

/** An event as it is exported. With `chain`, `seq` and `prev` every link can be followed; with the audit key, made again. */
export interface ExportedEvent {
  readonly chain: string;
  readonly seq: number;
  readonly at: string;
  readonly id: string;
  readonly name: string;
  readonly actor: Readonly<Record<string, string>>;
  readonly subject: string;
  readonly details: Readonly<Record<string, unknown>>;
  readonly prev: string;
  readonly hash: string;
}

const columns = ["chain", "seq", "at", "id", "name", "actor", "subject", "details", "prev", "hash"] as const;

export function jsonLine(event: ExportedEvent): string {
  return `${JSON.stringify(event)}\n`;
}

export const csvHead = `${columns.join(",")}\r\n`;

export function csvLine(event: ExportedEvent): string {
  return `${columns.map((column) => csvField(event[column])).join(",")}\r\n`;
}

function csvField(value: string | number | object): string {
  if (typeof value === "number") return String(value);
  // Where the separator of lists is a semicolon, a spreadsheet may cut inside a text: in JSON it can be spelled otherwise.
  const text = typeof value === "object" ? JSON.stringify(value).replaceAll(";", "\\u003b") : value;
  // A cell that begins like a formula is one, quoted or not (OWASP, "CSV Injection"). A hash may begin with a dash.
  const safe = /^[=+\-@\t\r\n|%＝＋－＠]/.test(text) ? `'${text}` : text;
  return `"${safe.replaceAll('"', '""')}"`;
}
