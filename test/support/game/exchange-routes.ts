import { randomBytes } from 'node:crypto';
import { Body, Controller, HttpCode, Inject, Param, Post, Get, UseFilters } from '@nestjs/common';
import {
  memoryTokenStore,
  NowggAuthExceptionFilter,
  NowggTokenService,
  type TokenStore,
  type TokenStoreContext,
  type TokenStoreWiring,
} from 'nestjs-nowgg-auth';
import { HandlerRuns } from './guarded-routes.js';

/** The token service as a studio would put it behind its own routes. What a body holds is passed on as it came. */
@Controller()
@UseFilters(NowggAuthExceptionFilter)
export class ExchangeRoutes {
  constructor(
    @Inject(HandlerRuns) private readonly runs: HandlerRuns,
    @Inject(NowggTokenService) private readonly tokens: NowggTokenService,
  ) {}

  @Post('exchange')
  @HttpCode(200)
  async exchange(@Body() body: { code: string } | undefined) {
    const { grant, principal, session } = await this.tokens.exchangeCode(body?.code as string);
    this.runs.names.push('exchange');
    return { grantId: grant.id, generation: grant.generation, userId: principal.userId, session };
  }

  @Post('refresh')
  @HttpCode(200)
  async refresh(@Body() body: { grantId: string }) {
    const { generation } = await this.tokens.refresh(body.grantId);
    this.runs.names.push('refresh');
    return { generation };
  }

  @Post('act')
  @HttpCode(200)
  async act(@Body() body: { grantId: string }) {
    const { generation } = await this.tokens.getAccessToken(body.grantId);
    this.runs.names.push('act');
    return { generation };
  }

  @Post('resume')
  @HttpCode(200)
  async resume(@Body() body: { session: string }) {
    const grant = await this.tokens.sessionGrant(body.session);
    this.runs.names.push('resume');
    return { grantId: grant.id };
  }

  @Post('revoke')
  @HttpCode(204)
  async revoke(@Body() body: { grantId: string }) {
    await this.tokens.revoke(body.grantId);
  }

  @Get('grants/:userId')
  async grants(@Param('userId') userId: string) {
    const grants = await this.tokens.listGrants(userId);
    return grants.map(({ id, state, generation }) => ({ id, state, generation }));
  }
}

/** A memory store that keeps everything that it was ever handed, to look through it afterwards. */
export class WatchedStore implements TokenStoreWiring {
  readonly inject: TokenStoreWiring['inject'] = [];
  /** Names of the methods that were called, in order. */
  readonly calls: string[] = [];
  readonly #handed: string[] = [];

  create(context: TokenStoreContext): TokenStore {
    return new Proxy(memoryTokenStore().create(context), {
      get: (store, name) => {
        const member: unknown = Reflect.get(store, name, store);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]) => {
          this.calls.push(String(name));
          this.#handed.push(JSON.stringify(args, readable));
          return (member as (...args: unknown[]) => unknown).apply(store, args);
        };
      },
    });
  }

  /** Everything that was to be written or looked up, bytes as Latin-1. */
  get handed(): string {
    return this.#handed.join('\n');
  }
}

/** A fresh key ring for the vault. */
export function vaultKeys() {
  return [{ id: 'k1', key: randomBytes(32).toString('base64') }];
}

function readable(_name: string, value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (typeof value !== 'object' || value === null) return value;
  const { type, data } = value as { type?: unknown; data?: number[] };
  return type === 'Buffer' && data ? Buffer.from(data).toString('latin1') : value;
}
