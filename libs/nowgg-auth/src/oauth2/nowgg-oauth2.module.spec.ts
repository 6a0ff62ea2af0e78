import { Test } from '@nestjs/testing';
import { expect, it } from '@jest/globals';
import { NowggAuthModule } from '../module/nowgg-auth.module.js';
import { NowggOAuth2Module } from './nowgg-oauth2.module.js';

it.each([
  [{ routes: { pth: 'auth' } }, 'unknown option routes.pth'],
  [{ routes: { path: 5 } }, 'routes.path must be'],
  [{ routes: 'auth' }, 'routes must be'],
  [{ isGlobal: 'yes' }, 'isGlobal must be true or false'],
  [{ returnTos: ['/'], isGlobal: 1 }, 'unknown option returnTos'],
])('NowggOAuth2Module refuses to start with %j', async (options, fault) => {
  const imports = [
    NowggAuthModule.forRoot({ clientId: 'game', strategyName: false }),
    NowggOAuth2Module.forRoot(options as never),
  ];
  await expect(Test.createTestingModule({ imports }).compile()).rejects.toThrow(fault);
});
