// Cursors of lists: opaque to callers, checked when they come back.

export interface CursorPosition {
  readonly created_at: number;
  readonly id: string;
}

export function cursorOf(position: CursorPosition): string {
  return btoa(JSON.stringify([position.created_at, position.id]))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}

/** Undefined when the text is no cursor of ours. */
export function parseCursor(text: string): CursorPosition | undefined {
  if (!/^[A-Za-z0-9_-]{1,200}$/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(atob(text.replaceAll("-", "+").replaceAll("_", "/")));
    if (!Array.isArray(value) || value.length !== 2) return undefined;
    const [created_at, id] = value as unknown[];
    if (typeof created_at !== "number" || !Number.isSafeInteger(created_at) || created_at < 0) return undefined;
    // Only what could have come from us goes to the database: PostgreSQL, for one, takes no NUL in a text.
    if (typeof id !== "string" || !/^[a-z]{3}_[0-9a-f]{32}$/.test(id)) return undefined;
    return { created_at, id };
  } catch {
    return undefined;
  }
}
