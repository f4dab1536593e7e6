// Time that runs like real time from wherever a test starts it, and jumps when told to.

export interface Clock {
  now(): number;
  advance(ms: number): void;
}

export function runningClock(start: number | undefined): Clock {
  let offset = start === undefined ? 0 : start - Date.now();
  return {
    now: () => Date.now() + offset,
    advance: (ms) => {
      offset += ms;
    },
  };
}
