// Server-sent events as routes write them (WHATWG HTML §9.2): where to begin, one event, a sign of life, the pause between.
import { z } from "zod";
import { Refusal } from "../../rules/refusal.ts";

const place = /^\d{1,15}$/;

/** Query of every stream. */
export const listening = {
  after: z.union([z.string().regex(place), z.literal("now")]).optional(),
  wait: z.enum(["0", "1"]).optional(),
};

/** A browser that reconnects repeats the URL it began with: so where it left off counts more than `after`. */
export function startOf(
  lastEventId: string | null,
  after: string | undefined,
  otherwise: number | "now",
): number | "now" {
  const text = lastEventId ?? after ?? String(otherwise);
  if (text === "now") return text;
  if (place.test(text)) return Number(text);
  throw new Refusal("invalid_request", {
    detail: "Last-Event-ID is not one of ours.",
    next: { action: "fix_request", detail: "Send the id of the last event you have, or leave the header out." },
  });
}

export function eventText(event: string, seq: number, data: unknown): string {
  return `id: ${seq}\nevent: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** No data, so no event: a sign of life for proxies, and the place to resume from. */
export function quietText(seq: number): string {
  return `: still here\nid: ${seq}\n\n`;
}

export async function pausing(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener("abort", end);
  });
}
