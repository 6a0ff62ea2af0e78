import type { DataSource } from 'typeorm';

export const VARIANTS = ['library', 'none', 'in-process', 'row-lock'] as const;
export type VariantName = (typeof VARIANTS)[number];

export const VARIANT_TITLES: Readonly<Record<VariantName, string>> = {
  library: '**`NowggTokenService`**',
  none: 'no coordination',
  'in-process': 'one flight in each process',
  'row-lock': '`SELECT … FOR UPDATE` around the call',
};

/** One way to keep access tokens fresh, over the application's own pool of connections. */
export interface Refresher {
  readonly dataSource: DataSource;
  /** Ids of so many new grants with fresh tokens. */
  signIn(count: number): Promise<readonly string[]>;
  /** Makes their access tokens expire. */
  expire(ids: readonly string[]): Promise<void>;
  /** @throws for a caller that fails */
  accessToken(id: string): Promise<string>;
  close(): Promise<void>;
}

/** Runs `work` `count` times, `lanes` at once. */
export async function inLanes(count: number, lanes: number, work: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) {
      next += 1;
      await work(next - 1);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}
