// What the audit records: the names of events, who did it, and the text a link of the chain is made of (design §10.12).
import type { AccountStatus } from "./account.ts";
import type { ProjectId } from "./ids.ts";

/** Events that exist. `docs/audit.md` is generated from this table. */
export const auditNames = {
  "project.created": "A project was made.",
  "token.created": "A gateway token was made.",
  "token.revoked": "A gateway token was revoked, by itself or with its parent or its account.",
  "connection.created": "A connection was made.",
  "connection.changed": "A connection was changed; details name the members, never values of secrets.",
  "connection.deleted": "A connection was deleted.",
  "account.created": "An account was made; nobody has connected yet.",
  "account.linked":
    "A person authorised at the provider; the application has yet to confirm who it was, or had no need to.",
  "account.activated": "An account became usable.",
  "account.link_failed": "An authorization ended without a connection; details say why.",
  "account.refreshed": "The tokens of an account were refreshed.",
  "account.refresh_failed": "A refresh failed; the account keeps its status unless another event says so.",
  "account.expired": "An account can no longer be refreshed: the person has to connect again.",
  "account.revoked": "The person or the provider withdrew the grant.",
  "account.disconnected": "The application ended a connection.",
  "account.deleted": "An account was deleted.",
  "account.revocation_done": "The tokens of an account were revoked at the provider.",
  "account.revocation_failed": "Revoking at the provider failed for 7 days and was given up.",
  "account.imported": "An operator brought a credential; it was checked at the provider and sealed.",
  "endpoint.created": "An endpoint was made.",
  "endpoint.changed": "An endpoint was changed; details name the members, never values of headers.",
  "endpoint.deleted": "An endpoint was deleted.",
  "key.added": "A sealing key came into use.",
  "key.rotated": "Every sealed value was sealed anew with the newest key.",
} as const;
export type AuditName = keyof typeof auditNames;

/** Who did it: a gateway token, a person in a browser, or the server itself. */
export type Actor =
  | { readonly kind: "token"; readonly id: string; readonly name: string }
  | { readonly kind: "person"; readonly attempt: string }
  | { readonly kind: "system"; readonly task: string };

export type AuditChain = ProjectId | "instance";

/** One thing that happened, before it is chained. `details` hold no secret and no text from outside that was not checked. */
export interface AuditEntry {
  readonly chain: AuditChain;
  readonly name: AuditName;
  readonly actor: Actor;
  /** Id of what it happened to. */
  readonly subject: string;
  readonly details?: Readonly<Record<string, string | number | boolean | null | readonly string[]>>;
}

/** What the stream of account events reads from the chain: every event that moves an account says where to. */
export function statusDetails(account: { readonly status: AccountStatus; readonly status_reason: string | null }): {
  readonly status: string;
  readonly status_reason: string | null;
} {
  return { status: account.status, status_reason: account.status_reason };
}

/** The same for an account that is gone. */
export const deletedDetails = { status: "DELETED", status_reason: null } as const;

/** The columns a link is made over. */
export interface LinkedEvent {
  readonly chain: string;
  readonly seq: number;
  readonly id: string;
  readonly at: number;
  readonly name: string;
  readonly actor: string;
  readonly subject: string;
  readonly details: string;
  readonly prev: string;
}

/** The text under the HMAC of a link: every column in a fixed order, so that none can be edited or moved. */
export function linkText(event: LinkedEvent): string {
  const { chain, seq, id, at, name, actor, subject, details, prev } = event;
  return JSON.stringify(["behalf-audit-1", chain, seq, id, at, name, actor, subject, details, prev]);
}

/** The text under the HMAC of a head: a chain whose end was cut off cannot be given an earlier end. */
export function headText(end: { readonly chain: string; readonly seq: number; readonly hash: string }): string {
  return JSON.stringify(["behalf-audit-head-1", end.chain, end.seq, end.hash]);
}

export type ChainFault = { readonly seq: number; readonly fault: string };

/** How every chain begins: no server listens before its key is recorded. */
function firstOf(chain: string): { readonly name: AuditName; readonly fault: string } {
  return chain === "instance"
    ? { name: "key.added", fault: "is not the coming into use of the first key" }
    : { name: "project.created", fault: "is not the making of its project" };
}

/** Checks one event against the one before it: undefined when it follows. */
export function faultOf(
  event: LinkedEvent & { readonly hash: string },
  before: { readonly seq: number; readonly hash: string },
  expectedHash: string,
): ChainFault | undefined {
  if (event.seq < 1) return { seq: event.seq, fault: "is before the first event" };
  if (event.seq !== before.seq + 1) return { seq: before.seq + 1, fault: "is missing" };
  // A chain that was taken away whole, and goes on with whatever happened next, begins with something else.
  if (event.seq === 1 && event.name !== firstOf(event.chain).name) return { seq: 1, fault: firstOf(event.chain).fault };
  if (event.prev !== before.hash) return { seq: event.seq, fault: "does not follow the event before it" };
  if (event.hash !== expectedHash) return { seq: event.seq, fault: "was edited" };
  return undefined;
}
