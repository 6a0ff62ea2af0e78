import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Inject, Injectable, Module, type ModuleMetadata, UseGuards } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { NowggClock, SystemClock } from '../clock.js';
import { NowggConfigurationError } from '../errors.js';
import { NowggAuthGuard } from '../http/nowgg-auth.guard.js';
import { NowggUser } from '../http/nowgg-user.decorator.js';
import type { NowggAuthModuleAsyncOptions, NowggAuthModuleOptions, NowggAuthOptionsFactory } from './module-options.js';
import { NowggAuthModule } from './nowgg-auth.module.js';
import { type NowggAuthOptions, RESOLVED_OPTIONS, type ResolvedNowggAuthOptions } from '../options/options.js';
import { memoryTokenStore } from '../tokens/store/memory/memory-token-store.js';
import { NowggTokenService } from '../tokens/nowgg-token-service.js';
import { NowggVaultService } from '../tokens/upkeep/nowgg-vault-service.js';
import { NowggAuthenticator } from '../verification/nowgg-authenticator.js';
import { ManualClock } from '../testing-support/manual-clock.js';
import { strongKey } from '../testing-support/strong-key.js';

const encryptionKeys = [{ id: 'k1', key: strongKey(1) }];
const open: { close(): Promise<unknown> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((app) => app.close()));
});

async function boot(metadata: ModuleMetadata) {
  const testing = await Test.createTestingModule(metadata).compile();
  const app = testing.createNestApplication({ logger: false });
  open.push(app);
  return app.init();
}
const root = (options: NowggAuthModuleOptions) => boot({ imports: [NowggAuthModule.forRoot(options)] });
const rootAsync = (options: NowggAuthModuleAsyncOptions) => boot({ imports: [NowggAuthModule.forRootAsync(options)] });
const faultOf = async (booting: Promise<unknown>): Promise<string> => {
  const error: unknown = await booting.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(NowggConfigurationError);
  return (error as Error).message;
};

@Injectable()
class Settings {
  readonly clientId = 'from-settings';
}
@Module({ providers: [Settings], exports: [Settings] })
class SettingsModule {}

@Injectable()
class OptionsFactory implements NowggAuthOptionsFactory {
  @Inject(Settings) private readonly settings!: Settings;
  createNowggAuthOptions(): NowggAuthOptions {
    return { clientId: this.settings.clientId, realm: 'by a class' };
  }
}
@Module({ imports: [SettingsModule], providers: [OptionsFactory], exports: [OptionsFactory] })
class FactoryModule {}

describe('NowggAuthModule', () => {
  it.each<[string, NowggAuthModuleAsyncOptions]>([
    [
      'useFactory',
      {
        imports: [SettingsModule],
        inject: [Settings],
        useFactory: async ({ clientId }: Settings) => ({ clientId, realm: 'by a class' }),
      },
    ],
    ['useClass', { imports: [SettingsModule], useClass: OptionsFactory }],
    ['useExisting', { imports: [FactoryModule], useExisting: OptionsFactory }],
  ])('takes its options from %s', async (_, options) => {
    const app = await rootAsync(options);
    const resolved = app.get<ResolvedNowggAuthOptions>(RESOLVED_OPTIONS);
    expect(resolved).toMatchObject({ realm: 'by a class', identityProviders: [{ name: 'nowgg' }] });
  });

  it('boots for verification alone with two options', async () => {
    const app = await root({ clientId: 'game', clientSecret: 'secret' });
    expect(app.get(NowggAuthenticator)).toBeInstanceOf(NowggAuthenticator);
    expect(app.get(NowggClock)).toBeInstanceOf(SystemClock);
  });

  it('tells faults of wiring and options together', async () => {
    const options = { clientId: '', strategyName: '', globalGuard: 'yes', tokenStore: {}, isGlobal: 1, clock: {} };
    const given = { ...options, httpAgents: { https: 'http://proxy' } } as unknown as NowggAuthModuleOptions;
    const fault = await faultOf(root(given));
    for (const name of [...Object.keys(options), 'httpAgents']) {
      expect(fault).toContain(name);
    }
  });

  it.each([
    'strategyName',
    'isGlobal',
    'globalGuard',
    'tokenStore',
    'revocationStore',
    'sharedCache',
    'clock',
    'httpAgents',
  ])('refuses the wiring key %s that a factory returns', async (key) => {
    const useFactory = () => ({ clientId: 'game', [key]: undefined });
    expect(await faultOf(rootAsync({ useFactory }))).toContain(`${key} is wiring`);
  });

  it.each(['routes', 'transports', 'invalid_response'])('refuses the unknown key %s', async (key) => {
    expect(await faultOf(root({ clientId: 'game', [key]: true }))).toContain(key);
    const useFactory = () => ({ clientId: 'game' });
    expect(await faultOf(rootAsync({ useFactory, [key]: true }))).toContain(key);
  });

  it('refuses an option beside a factory, no factory, two factories, and a factory that returns nothing', async () => {
    const useFactory = () => ({ clientId: 'game' });
    const misplaced = { useFactory, clientId: 'game' } as NowggAuthModuleAsyncOptions;
    expect(await faultOf(rootAsync(misplaced))).toContain('clientId is neither wiring nor');
    expect(await faultOf(rootAsync({}))).toContain('exactly one of');
    expect(await faultOf(rootAsync({ useFactory, useClass: OptionsFactory }))).toContain('exactly one of');
    expect(await faultOf(rootAsync({ useFactory: () => undefined as never }))).toContain('must be an object');
  });

  it('is seen everywhere unless isGlobal is false', async () => {
    @Injectable()
    class Consumer {
      constructor(readonly authenticator: NowggAuthenticator) {}
    }
    @Module({ providers: [Consumer] })
    class Feature {}
    await boot({ imports: [NowggAuthModule.forRoot({ clientId: 'game' }), Feature] });
    const local = NowggAuthModule.forRoot({ clientId: 'game', isGlobal: false, strategyName: false });
    await expect(boot({ imports: [local, Feature] })).rejects.toThrow(/resolve dependencies/);
  });

  it('takes the clock that it is given', async () => {
    const clock = new ManualClock();
    expect((await root({ clientId: 'game', clock })).get(NowggClock)).toBe(clock);
  });
});

describe('the option refusalsAreDefinite', () => {
  const options = { clientId: 'game', strategyName: false, verification: { refusalsAreDefinite: true } } as const;
  const environment = process.env.NODE_ENV;
  afterEach(() => {
    process.env.NODE_ENV = environment;
  });

  it('boots in the tests of an application', async () => {
    await expect(root(options)).resolves.toBeDefined();
  });

  it('refuses to boot in production, by name, however the options are given', async () => {
    process.env.NODE_ENV = 'production';
    const { strategyName, ...values } = options;
    expect(await faultOf(root(options))).toContain('verification.refusalsAreDefinite');
    expect(await faultOf(rootAsync({ strategyName, useFactory: () => values }))).toContain(
      'verification.refusalsAreDefinite',
    );
  });
});

describe('NowggTokenService of a module', () => {
  @Injectable()
  class Consumer {
    constructor(readonly tokens: NowggTokenService) {}
  }

  it('can be had with a token store', async () => {
    const module = NowggAuthModule.forRoot({
      clientId: 'game',
      tokenStore: memoryTokenStore(),
      tokens: { encryptionKeys },
    });
    const app = await boot({ imports: [module], providers: [Consumer] });
    expect(app.get(Consumer).tokens).toBeInstanceOf(NowggTokenService);
  });

  it('throws an error that names the missing token store', async () => {
    const booting = boot({ imports: [NowggAuthModule.forRoot({ clientId: 'game' })], providers: [Consumer] });
    expect(await faultOf(booting)).toContain('tokenStore');
  });

  it('refuses to boot with a token store but no keys', async () => {
    expect(await faultOf(root({ clientId: 'game', tokenStore: memoryTokenStore() }))).toContain(
      'tokens.encryptionKeys',
    );
    const useFactory = () => ({ clientId: 'game' });
    expect(await faultOf(rootAsync({ useFactory, tokenStore: memoryTokenStore() }))).toContain('tokens.encryptionKeys');
  });
});

describe('NowggVaultService of a module', () => {
  @Injectable()
  class Upkeep {
    constructor(readonly vault: NowggVaultService) {}
  }
  const options = { clientId: 'game', tokens: { encryptionKeys } };

  it.each([
    ['forRoot', NowggAuthModule.forRoot({ ...options, tokenStore: memoryTokenStore() })],
    ['forRootAsync', NowggAuthModule.forRootAsync({ useFactory: () => options, tokenStore: memoryTokenStore() })],
  ])('works on the token store that is wired with %s', async (_name, module) => {
    const app = await boot({ imports: [module], providers: [Upkeep] });
    const { vault } = app.get(Upkeep);
    expect(await vault.status()).toMatchObject({ sealingKeyId: 'k1', neededKeyIds: ['k1'] });
    expect(await vault.rotate()).toMatchObject({ resealed: 0, unreadable: 0, complete: true });
    expect(await vault.forget('player-1')).toBe(0);
  });

  it('throws an error that names the missing token store', async () => {
    const booting = boot({ imports: [NowggAuthModule.forRoot({ clientId: 'game' })], providers: [Upkeep] });
    expect(await faultOf(booting)).toMatch(/^NowggVaultService needs a token store/);
  });
});

describe('two modules in one application', () => {
  let upstream: Server;
  const asked: string[] = [];
  afterEach(async () => {
    await new Promise((resolve) => upstream.close(resolve));
  });

  /** Accepts every token of every client. */
  async function startUpstream(): Promise<string> {
    upstream = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const { client_id: clientId } = JSON.parse(body) as { client_id: string };
        asked.push(clientId);
        const decodedData = {
          iss: 'https://now.gg',
          aud: clientId,
          userId: `player of ${clientId}`,
          tokenId: 't',
          sessionId: 's',
          scope: 'email',
          iat: 1,
          exp: 32_503_680_000,
        };
        response.setHeader('content-type', 'application/json');
        response.end(JSON.stringify({ success: true, code: 'VERIFICATION_SUCCESS', decodedData }));
      });
    });
    await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  }

  it('share neither verdicts nor options', async () => {
    const baseUrl = await startUpstream();
    const feature = (name: string) => {
      @Controller(name)
      class WhoController {
        @UseGuards(NowggAuthGuard) @Get() who(@NowggUser('userId') userId: string) {
          return userId;
        }
      }
      const options = { clientId: name, clientSecret: 's', baseUrl, realm: name, isGlobal: false };
      @Module({
        imports: [NowggAuthModule.forRoot({ ...options, strategyName: `nowgg-${name}` })],
        controllers: [WhoController],
      })
      class Feature {}
      return Feature;
    };
    const app = await boot({ imports: [feature('one'), feature('two')] });
    await app.listen(0, '127.0.0.1');
    const address = await app.getUrl();
    const get = (path: string, authorization?: string) =>
      fetch(`${address}/${path}`, authorization === undefined ? {} : { headers: { authorization } });
    for (const name of ['one', 'two', 'one', 'two']) {
      expect(await (await get(name, 'Bearer same-token')).text()).toBe(`player of ${name}`);
      expect((await get(name)).headers.get('www-authenticate')).toBe(`Bearer realm="${name}"`);
    }
    expect(asked).toEqual(['one', 'two']);
  });
});
