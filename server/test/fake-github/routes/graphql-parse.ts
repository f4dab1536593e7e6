// Reads the small part of GraphQL's language the fake answers: one query, fields, aliases, arguments, variables.

export interface Field {
  alias: string;
  name: string;
  args: Record<string, unknown>;
  selection: Field[];
}

/** null when the text is not a query we can read. */
export function parseSelection(query: string, variables: Record<string, unknown>): Field[] | null {
  const tokens: string[] = query.replaceAll(/#[^\n]*/g, "").match(/"(?:[^"\\]|\\.)*"|\$?\w+|[{}():!=]/g) ?? [];
  const start = tokens.indexOf("{");
  if (start === -1) return null;
  const reader = { tokens, at: start + 1, variables };
  const fields = readFields(reader);
  return reader.at === tokens.length ? fields : null;
}

interface Reader {
  tokens: string[];
  at: number;
  variables: Record<string, unknown>;
}

function take(reader: Reader): string {
  const token = reader.tokens[reader.at] ?? "";
  reader.at += 1;
  return token;
}

function peek(reader: Reader): string {
  return reader.tokens[reader.at] ?? "";
}

function readFields(reader: Reader): Field[] | null {
  const fields: Field[] = [];
  while (peek(reader) !== "}") {
    const field = readField(reader);
    if (field === null) return null;
    fields.push(field);
  }
  take(reader);
  return fields;
}

function readField(reader: Reader): Field | null {
  const first = take(reader);
  if (!/^\w+$/.test(first)) return null;
  let name = first;
  if (peek(reader) === ":") {
    take(reader);
    name = take(reader);
  }
  const args = peek(reader) === "(" ? readArgs(reader) : {};
  if (peek(reader) !== "{") return { alias: first, name, args, selection: [] };
  take(reader);
  const selection = readFields(reader);
  return selection === null ? null : { alias: first, name, args, selection };
}

function readArgs(reader: Reader): Record<string, unknown> {
  const args: Record<string, unknown> = {};
  take(reader);
  while (peek(reader) !== ")" && peek(reader) !== "") {
    const name = take(reader);
    take(reader);
    const value = take(reader);
    args[name] = value.startsWith("$") ? reader.variables[value.slice(1)] : value.replaceAll(/^"|"$/g, "");
  }
  take(reader);
  return args;
}
