import { Module } from '@nestjs/common';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { SampleConfig } from '../config/sample-config.js';

/**
 * Limits how often one address may sign in, refresh and sign out: a guard that the ready-made routes take. It counts in
 * this process; several behind one address share their counts through one of the throttler's storages. Behind a proxy
 * Express and Fastify have to be told which one to trust, or all players come from its address.
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
