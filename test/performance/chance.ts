/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function chanceOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** More wrong answers than this, of so many with that probability each, are five standard deviations away. */
export const mostWrong = (runs: number, probability: number): number =>
  Math.ceil(runs * probability + 5 * Math.sqrt(runs * probability * (1 - probability)));
