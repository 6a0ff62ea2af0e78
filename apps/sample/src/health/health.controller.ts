import { Controller, Get } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Public } from 'nestjs-nowgg-auth';
import { DataSource } from 'typeorm';

/**
 * Health for load balancers: 503 without the database. now.gg is not asked: an outage there is not a reason to take
 * this app out of service.
 */
@Public()
@Controller('health')
export class HealthController {
  readonly #dataSource: DataSource;

  constructor(@InjectDataSource() dataSource: DataSource) {
    this.#dataSource = dataSource;
  }

  @Get()
  async health(): Promise<{ status: 'ok' }> {
    await this.#dataSource.query('SELECT 1');
    return { status: 'ok' };
  }
}
