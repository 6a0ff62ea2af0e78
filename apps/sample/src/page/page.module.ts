import { type DynamicModule, Module } from '@nestjs/common';
import type { SampleConfig } from '../config/sample-config.js';
import { PageConfig } from './page-config.js';
import { PageController } from './page.controller.js';

@Module({})
export class PageModule {
  /** @param isDevelopment whether now.gg is the emulator and the development tools are mounted */
  static register({ publicUrl, nowgg, web }: SampleConfig, isDevelopment: boolean): DynamicModule {
    const config = new PageConfig({
      publicUrl,
      nowggSignInUrl: isDevelopment ? `${nowgg.baseUrl}/sign-in` : undefined,
      nowggClientId: nowgg.clientId,
      hasWebSignIn: web !== undefined,
      isDevelopment,
    });
    return {
      module: PageModule,
      controllers: [PageController],
      providers: [{ provide: PageConfig, useValue: config }],
    };
  }
}
