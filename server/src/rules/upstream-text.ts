// Reduces what an upstream wrote to something that may be shown: plain text, short, without controls and without secrets.

const lengthMax = 300;

/** One line of plain text; empty when nothing is left. */
export function publicText(value: unknown): string {
  if (typeof value !== "string") return "";
  // Bound the work before looking at it: an upstream may send megabytes.
  const line = value
    .slice(0, 4096)
    .toWellFormed()
    // Controls and line ends part words; format characters hide or turn text around (bidi, zero width, tags).
    .replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ")
    .replaceAll(/[\p{Cf}\p{Co}\p{Cn}]/gu, "")
    .replaceAll(/\b(?:gh[a-z]_|github_pat_)[A-Za-z0-9_.-]+/g, "[credential]")
    .trim();
  const characters = [...line];
  return characters.length <= lengthMax ? line : `${characters.slice(0, lengthMax - 1).join("")}…`;
}

/** The upstream's own name for an exchange, which its support asks for; null when it is none that may be shown. */
export function upstreamRequestId(value: string | undefined): string | null {
  return /^[A-Za-z0-9:._-]{1,128}$/.exec(value ?? "")?.[0] ?? null;
}
