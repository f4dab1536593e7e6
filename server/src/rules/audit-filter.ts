// How the audit is asked: names alone or by family, who did it, and where a page before ended.
import { auditNames } from "./audit.ts";

/** The names that a filter stands for: one, or with `account.*` its family. Empty when it names nothing that exists. */
export function namesFor(filter: string): readonly string[] {
  const names = Object.keys(auditNames);
  if (!filter.endsWith(".*")) return names.filter((name) => name === filter);
  return names.filter((name) => name.startsWith(filter.slice(0, -1)));
}

const actorKinds = ["token", "person", "system"];

/** A kind of actor, or which one of its kind: the id of a token, of an attempt, the task of the server. */
export function actorFilter(text: string): { readonly kind: string } | { readonly who: string } {
  return actorKinds.includes(text) ? { kind: text } : { who: text };
}

/** Newest first by time, then by place in the chain: clocks of two processes need not agree. */
export interface AuditPosition {
  readonly at: number;
  readonly seq: number;
}

export function auditCursorOf({ at, seq }: AuditPosition): string {
  return `${at.toString(36)}.${seq.toString(36)}`;
}

/** Undefined when the text is no cursor of ours. */
export function parseAuditCursor(text: string): AuditPosition | undefined {
  const match = /^([0-9a-z]{1,11})\.([0-9a-z]{1,11})$/.exec(text);
  const at = Number.parseInt(match?.[1] ?? "", 36);
  const seq = Number.parseInt(match?.[2] ?? "", 36);
  return Number.isSafeInteger(at) && Number.isSafeInteger(seq) ? { at, seq } : undefined;
}

/** Below zero when the left one comes first in a list: it is the newer one. */
export function newestFirst(left: AuditPosition, right: AuditPosition): number {
  return right.at - left.at || right.seq - left.seq;
}
