import { createHash } from 'node:crypto';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import {
  type CodeExchangeRequest,
  IdentityProvider,
  type IdentityProviderDefinition,
  type IdentityVerdict,
  type Inspection,
  NowggAuthModule,
  NowggTokenService,
  type TokenFacts,
  type TokenOutcome,
  type TokenType,
} from 'nestjs-nowgg-auth';
import { typeOrmTokenStore } from 'nestjs-nowgg-auth/typeorm';
import { DataSource } from 'typeorm';
import { claimsIn } from '../verify/tokens.js';
import { inLanes, type Refresher } from './refresher.js';
import { askUpstream } from './upstream.js';

const CLIENT_KEY = 'k'.repeat(43);
const SIGN_INS_AT_ONCE = 8;
/** No caller gives up while the others are measured: a lease that expires would be another experiment. */
const PATIENT = { softDeadlineMs: 60_000, leaseMs: 60_000 };
const encryptionKeys = [{ id: 'bench', key: createHash('sha256').update('bench').digest('base64') }];

@Module({})
class BenchedModule {}

/** The library, as an application uses it. */
export async function libraryRefresher(databaseUrl: string, upstreamUrl: string, poolSize: number): Promise<Refresher> {
  const auth = NowggAuthModule.forRoot({
    identityProviders: [upstreamDefinition(upstreamUrl)],
    tokens: { ...PATIENT, encryptionKeys },
    tokenStore: typeOrmTokenStore(),
    strategyName: false,
  });
  const database = TypeOrmModule.forRoot({ type: 'postgres', url: databaseUrl, poolSize, installExtensions: false });
  const root = { module: BenchedModule, imports: [database, auth] };
  const app = await NestFactory.createApplicationContext(root, { logger: ['error'], abortOnError: false });
  const service = app.get(NowggTokenService);
  const dataSource = app.get(DataSource);
  return {
    dataSource,
    signIn: async (count) => {
      const ids: string[] = [];
      await inLanes(count, SIGN_INS_AT_ONCE, async (index) => {
        const { grant } = await service.exchangeCode(`code-${process.pid}-${performance.now()}-${index}`);
        ids.push(grant.id);
      });
      return ids;
    },
    expire: async (ids) => {
      await dataSource.query(
        `UPDATE nowgg_grant SET access_obtained_at = clock_timestamp() - interval '1 day',
           access_not_after = clock_timestamp() - interval '1 second' WHERE id = ANY($1)`,
        [ids],
      );
    },
    accessToken: async (id) => (await service.getAccessToken(id)).token,
    close: () => app.close(),
  };
}

function upstreamDefinition(url: string): IdentityProviderDefinition {
  return { name: 'upstream', create: () => new UpstreamProvider(url) };
}

class UpstreamProvider extends IdentityProvider {
  override readonly name = 'upstream';
  override readonly clientKey = CLIENT_KEY;
  override readonly tokenTypes: readonly TokenType[] = ['token'];
  readonly #url: string;

  constructor(url: string) {
    super();
    this.#url = url;
  }

  override recognises(): boolean {
    return true;
  }

  override inspect(): Inspection {
    return { action: 'ask', tokenType: 'token' };
  }

  override async verify(token: string): Promise<IdentityVerdict> {
    const claims = claimsIn(token);
    return { status: 'valid', facts: factsOf(String(claims.userId), Number(claims.exp) * 1000) };
  }

  override exchangeCode({ code, signal }: CodeExchangeRequest): Promise<TokenOutcome> {
    return this.#ask('code', code, signal);
  }

  override refresh(refreshToken: string, signal: AbortSignal): Promise<TokenOutcome> {
    return this.#ask('refresh', refreshToken, signal);
  }

  async #ask(kind: 'code' | 'refresh', value: string, signal: AbortSignal): Promise<TokenOutcome> {
    try {
      const tokens = await askUpstream(this.#url, { kind, value }, signal);
      return tokens ? { status: 'tokens', tokens } : { status: 'refused', code: 'invalid_grant', isFinal: true };
    } catch {
      return { status: 'in_doubt', reason: 'network' };
    }
  }
}

function factsOf(userId: string, expiresAtMs: number): TokenFacts {
  return {
    provider: 'upstream',
    clientKey: CLIENT_KEY,
    tokenType: 'token',
    userId,
    issuer: 'https://now.gg',
    scopes: [],
    expiresAtMs,
    claims: {},
  };
}
