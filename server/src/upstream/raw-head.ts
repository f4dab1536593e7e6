// Turns the head of an answer as undici hands it over into what Node's server writes back, byte for byte.
import type { Dispatcher } from "undici";

/** undici hands headers over as bytes; Node writes them back as Latin-1, so every byte survives. */
export function rawPairs(raw: Dispatcher.DispatchController["rawHeaders"]): readonly string[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((part) => (typeof part === "string" ? part : part.toString("latin1")));
}

/** A reason phrase Node would refuse to write is no reason to lose the answer. */
export function printable(text: string): string {
  return /^[\t\x20-\x7e]*$/.test(text) ? text : "";
}
