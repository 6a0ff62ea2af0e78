export interface Item {
  readonly item: string;
  /** Coins. */
  readonly price: number;
}

/** What the shop sells. Prices are the server's; a request only names an item. */
export const catalogue: readonly Item[] = Object.freeze([
  { item: 'xp-boost', price: 120 },
  { item: 'golden-helmet', price: 450 },
]);
