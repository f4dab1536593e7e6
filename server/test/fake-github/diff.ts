// What changed between two trees, as GitHub's file list and as a unified diff.
import { blobSha } from "./commits.ts";

export interface FileChange {
  filename: string;
  status: "added" | "removed" | "modified";
  sha: string;
  additions: number;
  deletions: number;
  patch: string;
}

export function changesBetween(before: Map<string, Buffer>, after: Map<string, Buffer>): FileChange[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].sort();
  return names.flatMap((filename) => {
    const old = before.get(filename);
    const now = after.get(filename);
    if (old !== undefined && now !== undefined && old.equals(now)) return [];
    const hunk = hunkOf(linesOf(old), linesOf(now));
    const status = old === undefined ? "added" : now === undefined ? "removed" : "modified";
    return [{ filename, status, sha: blobSha(now ?? old ?? Buffer.alloc(0)), ...hunk } satisfies FileChange];
  });
}

function linesOf(data: Buffer | undefined): string[] {
  const text = data?.toString("utf8") ?? "";
  if (text === "") return [];
  return text.replace(/\n$/, "").split("\n");
}

const CONTEXT = 3;

/** One hunk from the first differing line to the last: correct, if not minimal. */
function hunkOf(old: string[], now: string[]): Pick<FileChange, "additions" | "deletions" | "patch"> {
  let head = 0;
  while (head < old.length && head < now.length && old[head] === now[head]) head += 1;
  let tail = 0;
  while (tail < Math.min(old.length, now.length) - head && old.at(-1 - tail) === now.at(-1 - tail)) tail += 1;
  const removed = old.slice(head, old.length - tail);
  const added = now.slice(head, now.length - tail);
  const lead = old.slice(Math.max(0, head - CONTEXT), head);
  const trail = old.slice(old.length - tail, old.length - tail + CONTEXT);
  const context = lead.length + trail.length;
  const from = range(head - lead.length, removed.length + context);
  const to = range(head - lead.length, added.length + context);
  const lines = [...prefixed(" ", lead), ...prefixed("-", removed), ...prefixed("+", added), ...prefixed(" ", trail)];
  return { additions: added.length, deletions: removed.length, patch: [`@@ -${from} +${to} @@`, ...lines].join("\n") };
}

function range(start: number, length: number): string {
  return `${length === 0 ? 0 : start + 1},${length}`;
}

function prefixed(mark: string, lines: string[]): string[] {
  return lines.map((line) => `${mark}${line}`);
}

export function unifiedDiff(changes: FileChange[]): string {
  return changes
    .map((change) => {
      const { filename } = change;
      const from = change.status === "added" ? "/dev/null" : `a/${filename}`;
      const to = change.status === "removed" ? "/dev/null" : `b/${filename}`;
      const mode = { added: "new file mode 100644\n", removed: "deleted file mode 100644\n", modified: "" }[
        change.status
      ];
      return `diff --git a/${filename} b/${filename}\n${mode}--- ${from}\n+++ ${to}\n${change.patch}\n`;
    })
    .join("");
}
