/** How the requests of a game are spread over its players. */
export type Distribution = 'Zipf 0.8' | 'uniform' | 'round robin';

export const DISTRIBUTIONS: readonly Distribution[] = ['Zipf 0.8', 'uniform', 'round robin'];

const ZIPF_EXPONENT = 0.8;

/** Numbers from 0 to 1 that are the same in each run (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d_2b_79_f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** The player of each request in turn, from 0. */
export function playersOf(distribution: Distribution, players: number, random: () => number): () => number {
  switch (distribution) {
    case 'round robin': {
      let last = -1;
      return () => {
        last = (last + 1) % players;
        return last;
      };
    }
    case 'uniform':
      return () => Math.floor(random() * players);
    case 'Zipf 0.8':
      return zipf(players, random);
  }
}

/** The player with rank k makes requests in proportion to 1 / k^0.8. */
function zipf(players: number, random: () => number): () => number {
  const bounds: number[] = [];
  let sum = 0;
  for (let rank = 1; rank <= players; rank += 1) {
    sum += rank ** -ZIPF_EXPONENT;
    bounds.push(sum);
  }
  return () => {
    const wanted = random() * sum;
    let [low, high] = [0, players - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((bounds[middle] as number) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  };
}
