import { Controller, Get, Injectable, Module } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { NowggAuth, Public } from '../http/policy/policy.decorators.js';
import { NowggAuthModule } from '../module/nowgg-auth.module.js';

@Injectable()
class PlayerRolesGuard {
  constructor() {
    throw new Error('a provider was created in preview mode');
  }

  canActivate(context: { getArgByIndex(index: number): { user?: object } }) {
    return context.getArgByIndex(0).user !== undefined;
  }
}

@Controller('inventory')
class InventoryController {
  @Get() @NowggAuth({ maxAgeMs: 5_000 }) list() {}
  @Get('size') @Public() size() {}
}

const source = {
  useFactory: () => {
    throw new Error('a factory ran in preview mode');
  },
};

const controllers = [InventoryController];
const providers = [{ provide: APP_GUARD, useClass: PlayerRolesGuard }];

/** An application whose guard for roles runs before the guard that sets the user. */
@Module({ imports: [NowggAuthModule.forRootAsync({ ...source, globalGuard: true })], controllers, providers })
export class RolesFirstModule {}

/** The same application without the mistake, as a dynamic module. */
export const soundModule = {
  module: class SoundModule {},
  imports: [NowggAuthModule.forRootAsync({ ...source, globalGuard: 'first' })],
  controllers,
  providers,
};

export const notAModule = 1;
