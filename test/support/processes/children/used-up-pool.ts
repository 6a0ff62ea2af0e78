import type { DataSource, QueryRunner } from 'typeorm';

/** An application that has a transaction open on every connection of its pool. */
export class UsedUpPool {
  readonly #dataSource: DataSource;
  readonly #size: number;
  #runners: QueryRunner[] = [];

  constructor(dataSource: DataSource, size: number) {
    this.#dataSource = dataSource;
    this.#size = size;
  }

  async begin(): Promise<void> {
    if (this.#runners.length > 0) return;
    this.#runners = Array.from({ length: this.#size }, () => this.#dataSource.createQueryRunner());
    await Promise.all(this.#runners.map((runner) => runner.startTransaction()));
  }

  async end(): Promise<void> {
    const runners = this.#runners;
    this.#runners = [];
    for (const runner of runners) {
      // Its connection may have been cut meanwhile.
      await runner.rollbackTransaction().catch(() => undefined);
      await runner.release();
    }
  }
}
