// Streams leave a buffer behind for every read. Left alone, V8 collects them after some 90 MiB, having paid for fresh pages
// all the way: a young collection every few MiB costs half the CPU time and keeps the promise of bounded memory (promise 15).

const everyBytes = 8 * 1024 * 1024;

/** Counts what passes in all streams together. */
export type Passed = (bytes: number) => void;

export function countedRelief(relieve: () => void): Passed {
  let unrelieved = 0;
  return (bytes) => {
    unrelieved += bytes;
    if (unrelieved < everyBytes) return;
    unrelieved = 0;
    relieve();
  };
}
