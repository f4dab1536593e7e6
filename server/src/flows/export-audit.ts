// Takes a chain of the audit out as text, oldest event first, in parts that are never all in memory.
import { csvHead, csvLine, jsonLine } from "../rules/audit-text.ts";
import type { AuditReading } from "../store/audit-reading.ts";
import { auditEventView } from "./steps/audit-views.ts";

interface Needs {
  readonly reading: { readonly audit: Pick<AuditReading, "part"> };
}

export interface ExportAuditAsk {
  readonly chains: readonly string[];
  readonly format: "jsonl" | "csv";
  readonly since?: number | undefined;
  readonly until?: number | undefined;
}

/** It ends at the end of the chain or with an error, never early: half an export must not pass for a whole one. */
export async function* exportAudit(needs: Needs, ask: ExportAuditAsk): AsyncGenerator<string, void, undefined> {
  const { since, until } = ask;
  const line = ask.format === "csv" ? csvLine : jsonLine;
  if (ask.format === "csv") yield csvHead;
  for (const chain of ask.chains) {
    let after: number | null = 0;
    while (after !== null) {
      const part = await needs.reading.audit.part({ chain, after, since, until });
      after = part.through;
      if (part.rows.length > 0) yield part.rows.map((row) => line(auditEventView(row))).join("");
    }
  }
}
