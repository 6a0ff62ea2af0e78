export interface Item {
  readonly item: string;
  /** Price in coins. */
  readonly price: number;
}

/** The items that the shop sells. The server sets the prices; a request only names an item. */
export const catalogue: readonly Item[] = Object.freeze([
  { item: 'xp-boost', price: 120 },
  { item: 'golden-helmet', price: 450 },
]);
