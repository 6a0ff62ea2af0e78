import { Controller, Get } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Public } from 'nestjs-nowgg-auth';
import { DataSource } from 'typeorm';
import { GameError } from '../http/game-error.js';

/** For load balancers. now.gg is not asked: an outage there is no reason to take this app out of service. */
@Public()
@Controller('health')
export class HealthController {
  readonly #dataSource: DataSource;

  constructor(@InjectDataSource() dataSource: DataSource) {
    this.#dataSource = dataSource;
  }

  @Get()
  async health(): Promise<{ status: 'ok' }> {
    try {
      await this.#dataSource.query('SELECT 1');
    } catch {
      throw new GameError(503, 'database_unavailable', 'the database does not answer');
    }
    return { status: 'ok' };
  }
}
