// Walks every chain of the audit and names the first event that is missing, moved or edited.
import { type ChainFault, faultOf, headText, linkText } from "../rules/audit.ts";
import type { AuditEventRow, AuditHeadRow } from "../store/schema.ts";
import type { House } from "./house.ts";

type Needs = Pick<House, "store"> & { readonly auditLink: (text: string) => string };

export interface AuditReport {
  readonly events: number;
  readonly chains: number;
  readonly faults: readonly { readonly chain: string; readonly seq: number; readonly fault: string }[];
}

const pageSize = 500;

export async function verifyAudit(needs: Needs): Promise<AuditReport> {
  const { audit, projects } = needs.store;
  const first = await walk(needs, "instance");
  // A project without a chain, a chain without a head, and a project that was made and is nowhere now are deletions too.
  const chains = new Set([
    ...first.projects,
    ...(await audit.heads()).map((head) => head.chain),
    ...(await audit.chains()),
    ...(await projects.ids()),
  ]);
  chains.delete("instance");
  const walks = [first];
  for (const chain of [...chains].sort()) walks.push(await walk(needs, chain));
  return {
    events: walks.reduce((sum, { events }) => sum + events, 0),
    chains: walks.length,
    faults: walks.flatMap(({ chain, fault }) => (fault === undefined ? [] : [{ chain, ...fault }])),
  };
}

interface Walk {
  readonly chain: string;
  readonly events: number;
  readonly fault: ChainFault | undefined;
  /** Ids of the projects whose making this chain tells of. */
  readonly projects: readonly string[];
}

async function walk(needs: Needs, chain: string): Promise<Walk> {
  const { audit } = needs.store;
  // Read before the events: what is appended meanwhile lies beyond this end and only has to follow.
  const head = await audit.head(chain);
  const projects: string[] = [];
  let before = { seq: 0, hash: "" };
  let end = before;
  let rows: readonly AuditEventRow[];
  do {
    rows = await audit.after(chain, before.seq, pageSize);
    for (const row of rows) {
      const fault = faultOf(row, before, needs.auditLink(linkText(row)));
      if (fault !== undefined) return { chain, events: before.seq, fault, projects };
      before = { seq: row.seq, hash: row.hash };
      if (row.seq === head?.seq) end = before;
      if (row.name === "project.created") projects.push(row.subject);
    }
  } while (rows.length === pageSize);
  const proven =
    head !== undefined && head.seq === end.seq && head.hash === needs.auditLink(headText({ chain, ...end }));
  const fault = proven ? await beyond(needs, chain, before.seq) : endFault(head, before.seq);
  return { chain, events: before.seq, fault, projects };
}

function endFault(head: AuditHeadRow | undefined, seq: number): ChainFault {
  if (head === undefined) return { seq, fault: "has lost the record of its end" };
  return { seq: Math.min(head.seq, seq) + 1, fault: "is missing at the end" };
}

/** Events after the recorded end are there only because the end has moved on since. */
async function beyond(needs: Needs, chain: string, seq: number): Promise<ChainFault | undefined> {
  const head = await needs.store.audit.head(chain);
  return head !== undefined && head.seq >= seq ? undefined : { seq, fault: "is beyond the recorded end" };
}
