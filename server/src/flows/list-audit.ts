// Lists what happened in a chain of the audit, newest first.
import type * as Wire from "@behalf/sdk";
import { type AuditPosition, actorFilter, auditCursorOf, namesFor } from "../rules/audit-filter.ts";
import type { Principal } from "../rules/policy.ts";
import type { AuditReading } from "../store/audit-reading.ts";
import { boundElsewhere } from "./steps/addressed.ts";
import { chainOf } from "./steps/audit-chain.ts";
import { auditEventView } from "./steps/audit-views.ts";

interface Needs {
  readonly reading: { readonly audit: AuditReading };
}

export interface AuditAsk {
  readonly name?: string | undefined;
  readonly subject?: string | undefined;
  readonly actor?: string | undefined;
  readonly since?: number | undefined;
  readonly until?: number | undefined;
  readonly limit: number;
  readonly after: AuditPosition | undefined;
}

export async function listAudit(
  needs: Needs,
  principal: Principal,
  ask: AuditAsk,
): Promise<Wire.Page<Wire.AuditEvent>> {
  const { name, actor, since, until, limit, after } = ask;
  const page = await needs.reading.audit.page({
    chain: chainOf(principal),
    names: name === undefined ? undefined : namesFor(name),
    subject: subjectFor(principal, ask.subject),
    actor: actor === undefined ? undefined : actorFilter(actor),
    since,
    until,
    limit,
    after,
  });
  return { items: page.rows.map(auditEventView), next_cursor: page.next === null ? null : auditCursorOf(page.next) };
}

/** A token that is bound to an account reads what happened to that account. */
function subjectFor({ accountId }: Principal, asked: string | undefined): string | undefined {
  if (accountId === null) return asked;
  if (asked !== undefined && asked !== accountId) throw boundElsewhere();
  return accountId;
}
