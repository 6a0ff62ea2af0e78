import { Test } from '@nestjs/testing';
import { describe, expect, it } from '@jest/globals';
import { RESOLVED_OPTIONS, type ResolvedNowggAuthOptions } from '../options/options.js';
import { strongKey } from '../testing-support/strong-key.js';
import { memoryTokenStore } from '../tokens/store/memory/memory-token-store.js';
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

describe('tokens.sessions.binding required', () => {
  const compile = async (auth: object, options: object) =>
    Test.createTestingModule({
      imports: [
        NowggAuthModule.forRoot({
          clientId: 'game',
          strategyName: false,
          tokenStore: memoryTokenStore(),
          tokens: { encryptionKeys: [{ id: 'k1', key: strongKey(1) }], sessions: { binding: 'required' } },
          ...auth,
        }),
        NowggOAuth2Module.forRoot(options),
      ],
    }).compile();

  it('refuses to start with routes whose callback can lead to no page, and starts with a page or without routes', async () => {
    const routes = { publicUrl: 'https://api.example' };
    const without = compile({ routes }, { routes: true, returnTo: [] });
    await expect(without).rejects.toThrow('a callback without one begins sessions without a key');
    for (const options of [{ routes: true }, { returnTo: [] }])
      await expect(compile({ routes }, options)).resolves.toBeDefined();
  });

  it('takes the address from the wiring beside a factory, or from what the factory returns, and not from both', async () => {
    const publicUrl = 'https://api.example';
    const given = async (routes: object, sessions: object) => {
      const module = await Test.createTestingModule({
        imports: [
          NowggAuthModule.forRootAsync({
            strategyName: false,
            tokenStore: memoryTokenStore(),
            routes,
            useFactory: () => ({
              clientId: 'game',
              tokens: { encryptionKeys: [{ id: 'k1', key: strongKey(1) }], sessions },
            }),
          }),
        ],
      }).compile();
      const { tokens } = module.get<ResolvedNowggAuthOptions>(RESOLVED_OPTIONS);
      return [tokens?.sessions.binding, tokens?.sessions.publicUrls];
    };
    expect(await given({ publicUrl }, {})).toEqual(['offered', [publicUrl]]);
    expect(await given({}, { publicUrl, binding: 'required' })).toEqual(['required', [publicUrl]]);
    await expect(given({ publicUrl }, { publicUrl })).rejects.toThrow('give the address once');
  });

  it.each([
    [{}, 'tokens.sessions.binding required needs routes.publicUrl or tokens.sessions.publicUrl'],
    [{ routes: true }, 'tokens.sessions.binding required needs routes.publicUrl'],
    [{ routes: { publicUrl: 'http://api.example' } }, 'routes.publicUrl must be the address of this API, https or'],
  ])('refuses to start with %j', async (auth, fault) => {
    await expect(compile(auth, {})).rejects.toThrow(fault);
  });
});
