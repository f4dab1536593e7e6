// Walks every chain of the audit and names the first event that is missing, moved or edited.
import { faultOf, linkText } from "../rules/audit.ts";
import type { House } from "./house.ts";

type Needs = Pick<House, "store"> & { readonly auditLink: (text: string) => string };

export interface AuditReport {
  readonly events: number;
  readonly chains: number;
  readonly faults: readonly { readonly chain: string; readonly seq: number; readonly fault: string }[];
}

const pageSize = 500;

export async function verifyAudit(needs: Needs): Promise<AuditReport> {
  const heads = new Map((await needs.store.audit.heads()).map((head) => [head.chain, head]));
  // A project without a chain, and a chain without a head, are deletions too.
  const chains = new Set([
    ...heads.keys(),
    ...(await needs.store.audit.chains()),
    ...(await needs.store.projects.ids()),
  ]);
  const faults: { chain: string; seq: number; fault: string }[] = [];
  let events = 0;
  for (const chain of [...chains].sort()) {
    const walked = await walk(needs, chain);
    events += walked.seq;
    const head = heads.get(chain);
    if (walked.fault !== undefined) faults.push({ chain, ...walked.fault });
    else if (head === undefined) faults.push({ chain, seq: walked.seq, fault: "has lost the record of its end" });
    else if (head.seq !== walked.seq || head.hash !== walked.hash)
      faults.push({ chain, seq: walked.seq + 1, fault: "is missing at the end" });
  }
  return { events, chains: chains.size, faults };
}

async function walk(needs: Needs, chain: string) {
  let before = { seq: 0, hash: "" };
  for (;;) {
    const rows = await needs.store.audit.after(chain, before.seq, pageSize);
    for (const row of rows) {
      const fault = faultOf(row, before, needs.auditLink(linkText(row)));
      if (fault !== undefined) return { ...before, fault };
      before = { seq: row.seq, hash: row.hash };
    }
    if (rows.length < pageSize) return { ...before, fault: undefined };
  }
}
