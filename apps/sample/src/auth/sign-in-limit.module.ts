import { Module } from '@nestjs/common';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { SampleConfig } from '../config/sample-config.js';

/**
 * Limits how often one address may sign in, refresh and sign out, with a guard for the ready-made routes. It counts in
 * this process; several processes behind one address share their counts through one of the throttler's storages. Behind
 * a proxy, configure Express or Fastify to trust it; otherwise all players seem to come from its address.
 */
@Module({
  imports: [
    ThrottlerModule.forRootAsync({
      inject: [SampleConfig],
      useFactory: ({ signInsPerMinute }: SampleConfig) => [{ ttl: 60_000, limit: signInsPerMinute }],
    }),
  ],
})
export class SignInLimitModule {}

export { ThrottlerGuard as SignInLimitGuard };
