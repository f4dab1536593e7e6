// Walks one chain of the audit from its first event, beside the checkpoints that were saved of it, and names the first bad one.

import type { CheckpointSigner } from "../../crypto/checkpoint-signer.ts";
import { type ChainFault, faultOf, headText, linkText } from "../../rules/audit.ts";
import { type Checkpoint, checkpointText, cutFault, forgedFault, markFault } from "../../rules/audit-checkpoint.ts";
import { Refusal } from "../../rules/refusal.ts";
import type { AuditReading } from "../../store/audit-reading.ts";
import type { AuditCheckpointRow, AuditEventRow, AuditHeadRow } from "../../store/schema.ts";
import { iso } from "./views.ts";

export interface WalkNeeds {
  readonly chains: Pick<AuditReading, "head" | "after" | "checkpoints">;
  readonly auditLink: (text: string) => string;
  readonly checkpointSigner: CheckpointSigner;
}

export interface WalkAsk {
  readonly chain: string;
  /** Kept outside the database; those in it are looked at as well. */
  readonly saved?: readonly Checkpoint[];
  /** Ends the walk: nobody waits for it any more. */
  readonly signal?: AbortSignal | undefined;
}

export interface Walk {
  readonly chain: string;
  readonly events: number;
  /** How many checkpoints it was held against. */
  readonly checkpoints: number;
  /** At most one is an event of the chain; the others are checkpoints that are none. */
  readonly faults: readonly ChainFault[];
  /** Whether every event of it was read: after the first bad one, nothing is believed. */
  readonly isWhole: boolean;
  /** Ids of the projects whose making this chain tells of. */
  readonly projects: readonly string[];
}

const pageSize = 200;
/** A signature takes about a tenth of a millisecond. */
const signaturesAtOnce = 50;

export async function walkChain(needs: WalkNeeds, ask: WalkAsk): Promise<Walk> {
  const { chain } = ask;
  // Checkpoints first, the end second, events last: what is appended meanwhile lies beyond both and only has to follow.
  const { marks, forged } = await marksOf(needs, ask);
  const head = await needs.chains.head(chain);
  const steps = await follow(needs, ask, { head, marks });
  const fault = steps.fault ?? (await faultAtEnd(needs, { chain, head, marks, steps }));
  return {
    chain,
    events: steps.before.seq,
    checkpoints: marks.length + forged.length,
    faults: [...(fault === undefined ? [] : [fault]), ...forged],
    isWhole: fault === undefined,
    projects: steps.projects,
  };
}

interface Steps {
  readonly before: { readonly seq: number; readonly hash: string };
  /** The event that the recorded end names, where it was met. */
  readonly end: { readonly seq: number; readonly hash: string };
  readonly fault: ChainFault | undefined;
  readonly projects: readonly string[];
}

interface Held {
  readonly head: AuditHeadRow | undefined;
  readonly marks: readonly Checkpoint[];
}

async function follow(needs: WalkNeeds, { chain, signal }: WalkAsk, { head, marks }: Held): Promise<Steps> {
  const marked = Map.groupBy(marks, ({ seq }) => seq);
  const projects: string[] = [];
  let before = { seq: 0, hash: "" };
  let end = before;
  // What somebody put in before the first event is shown in lists like any other: the walk must meet it too.
  let from: number | null = null;
  let rows: readonly AuditEventRow[];
  do {
    await pause(signal);
    rows = await needs.chains.after(chain, from, pageSize);
    for (const row of rows) {
      const fault =
        faultOf(row, before, needs.auditLink(linkText(row))) ?? faultAgainst(marked.get(row.seq) ?? [], row);
      if (fault !== undefined) return { before, end, fault, projects };
      before = { seq: row.seq, hash: row.hash };
      from = row.seq;
      if (row.seq === head?.seq) end = before;
      if (row.name === "project.created") projects.push(row.subject);
    }
  } while (rows.length === pageSize);
  return { before, end, fault: undefined, projects };
}

function faultAgainst(marks: readonly Checkpoint[], row: AuditEventRow): ChainFault | undefined {
  for (const mark of marks) {
    const fault = markFault(mark, row);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

async function faultAtEnd(
  needs: WalkNeeds,
  { chain, head, marks, steps }: Held & { readonly chain: string; readonly steps: Steps },
): Promise<ChainFault | undefined> {
  const { before, end } = steps;
  const furthest = marks.at(-1);
  if (furthest !== undefined && furthest.seq > before.seq) return cutFault(furthest, before.seq);
  const isProven =
    head !== undefined && head.seq === end.seq && head.hash === needs.auditLink(headText({ chain, ...end }));
  return isProven ? beyond(needs, chain, before.seq) : endFault(head, before.seq);
}

function endFault(head: AuditHeadRow | undefined, seq: number): ChainFault {
  if (head === undefined) return { seq, fault: "has lost the record of its end" };
  return { seq: Math.min(head.seq, seq) + 1, fault: "is missing at the end" };
}

/** Events after the recorded end are there only because the end has moved on since. */
async function beyond(needs: WalkNeeds, chain: string, seq: number): Promise<ChainFault | undefined> {
  const head = await needs.chains.head(chain);
  return head !== undefined && head.seq >= seq ? undefined : { seq, fault: "is beyond the recorded end" };
}

/** The checkpoints that count, in the order of the chain, and what is wrong with the others. */
async function marksOf(
  needs: WalkNeeds,
  { chain, saved = [], signal }: WalkAsk,
): Promise<{ readonly marks: readonly Checkpoint[]; readonly forged: readonly ChainFault[] }> {
  const marks: Checkpoint[] = [];
  const forged: ChainFault[] = [];
  const all = [...(await keptOf(needs, chain, signal)), ...saved.filter((checkpoint) => checkpoint.chain === chain)];
  for (const [index, checkpoint] of all.entries()) {
    if (index % signaturesAtOnce === 0) await pause(signal);
    if (needs.checkpointSigner.verify(checkpointText(checkpoint), checkpoint.signature)) marks.push(checkpoint);
    else forged.push(forgedFault(checkpoint));
  }
  return { marks: marks.toSorted((left, right) => left.seq - right.seq), forged };
}

async function keptOf(needs: WalkNeeds, chain: string, signal: AbortSignal | undefined): Promise<Checkpoint[]> {
  const kept: Checkpoint[] = [];
  let rows: readonly AuditCheckpointRow[];
  do {
    await pause(signal);
    rows = await needs.chains.checkpoints(chain, kept.at(-1)?.seq ?? null, pageSize);
    kept.push(...rows.map((row) => ({ ...row, at: iso(row.at) })));
  } while (rows.length === pageSize);
  return kept;
}

/** A long chain is walked between the calls of others, not instead of them. */
async function pause(signal: AbortSignal | undefined): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  if (signal?.aborted !== true) return;
  throw new Refusal("unavailable", {
    detail: "The verification was ended before it was done.",
    next: { action: "retry", detail: "Ask again; nothing was changed." },
  });
}
