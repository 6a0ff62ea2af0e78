import { Controller, Get } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { Public } from 'nestjs-nowgg-auth';
import { DataSource } from 'typeorm';

/**
 * Two probes. `live` tells that the process answers: an orchestrator restarts it otherwise. `ready` also needs the
 * database and is 503 without it: a load balancer then sends no requests here. now.gg is not asked: an outage there is not
 * a reason to take this app out of service.
 */
@Public()
@Controller('health')
export class HealthController {
  readonly #dataSource: DataSource;

  constructor(@InjectDataSource() dataSource: DataSource) {
    this.#dataSource = dataSource;
  }

  @Get('live')
  live(): { status: 'ok' } {
    return { status: 'ok' };
  }

  @Get('ready')
  async ready(): Promise<{ status: 'ok' }> {
    await this.#dataSource.query('SELECT 1');
    return { status: 'ok' };
  }
}
