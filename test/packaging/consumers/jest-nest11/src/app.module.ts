import { Controller, Get, Module, type Type } from '@nestjs/common';
import { NowggAuthModule, NowggUser, type NowggAuthModuleOptions } from 'nestjs-nowgg-auth';

@Controller()
export class MeController {
  @Get('me')
  me(@NowggUser('userId') userId: string) {
    return { userId };
  }
}

export function appModule(options: NowggAuthModuleOptions): Type {
  @Module({ imports: [NowggAuthModule.forRoot({ ...options, globalGuard: true })], controllers: [MeController] })
  class AppModule {}
  return AppModule;
}
