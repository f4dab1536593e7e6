// Reads the trace a request belongs to (W3C Trace Context, `traceparent`). We start none and change none.

/** 32 hex digits, not all zero; null for anything else. */
export function traceIdOf(traceparent: string | undefined): string | null {
  const id = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-|$)/.exec(traceparent ?? "")?.[1];
  return id === undefined || /^0+$/.test(id) ? null : id;
}
