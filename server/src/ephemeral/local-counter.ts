// The counter of last resort: this process alone, with what it knows that others had given out.
import type { Known, ShareAnswer, ShareAsk, ShareCounter } from "./counter.ts";
import type { SlidingWindow } from "./sliding-window.ts";
import { Windows } from "./windows.ts";

const lifeMostMs = 1000;

export function localCounter(origin: number, monotonic: () => number): ShareCounter {
  const [windows, strangers] = [new Windows(), new Windows()];
  return {
    async ask(ask) {
      const now = monotonic();
      const window = (ask.kind === "stranger" ? strangers : windows).at(ask.key, ask.windowMs, now);
      return Promise.resolve(grant(ask, window, { origin, now }));
    },
  };
}

function grant(ask: ShareAsk, window: SlidingWindow, { origin, now }: { origin: number; now: number }): ShareAnswer {
  const others = ask.known.filter((known: Known) => known.origin !== origin);
  const told = others.reduce((sum, { used }) => sum + used, 0);
  // Nothing in store: a unit here costs no journey.
  const granted = Math.max(0, Math.min(ask.need, ask.most - window.used(now) - told));
  // As long as a slice of the shared counters: a process so busy that its own answer comes late must not lose the unit.
  const lifeMs = Math.max(ask.lifeMs, Math.min(ask.sliceMs, lifeMostMs));
  if (granted > 0) window.add(now + lifeMs, granted);
  const own = window.used(now);
  const ends = [...(own > 0 ? [window.freeInMs(now)] : []), ...others.map(({ forMs }) => forMs)];
  const freeInMs = ends.length === 0 ? 0 : Math.min(...ends);
  return { origin, slice: 0, granted, own, used: own + told, endsInMs: lifeMs, freeInMs };
}
