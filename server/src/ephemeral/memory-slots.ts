// Calls at once, of a process that is alone: exact, in memory.
import type { Slots } from "./ephemeral.ts";

export function makeMemorySlots(): Slots {
  const taken = new Map<string, number>();
  function release(key: string): void {
    const left = (taken.get(key) ?? 0) - 1;
    if (left > 0) taken.set(key, left);
    else taken.delete(key);
  }
  return {
    async take(key, most) {
      const running = taken.get(key) ?? 0;
      if (running >= most) return Promise.resolve(undefined);
      taken.set(key, running + 1);
      let isHeld = true;
      return Promise.resolve({
        release() {
          if (isHeld) release(key);
          isHeld = false;
        },
      });
    },
  };
}
