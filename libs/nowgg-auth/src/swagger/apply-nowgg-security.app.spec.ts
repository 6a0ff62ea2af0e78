import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  type INestApplication,
  Param,
  Post,
  UseGuards,
  Version,
  VersioningType,
} from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { ApiBearerAuth, ApiResponse, ApiSecurity, DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import { Test } from '@nestjs/testing';
import { memoryTokenStore, NowggAuthModule, OptionalAuth, Public, RequireScopes } from 'nestjs-nowgg-auth';
import { applyNowggSecurity } from 'nestjs-nowgg-auth/swagger';
import { strongKey } from '../testing-support/strong-key.js';

@Controller('friends')
class FriendsController {
  @Get(':id') @RequireScopes('profile', 'friends') one(@Param('id') id: string) {
    return id;
  }
  @Get() @OptionalAuth() list() {
    return [];
  }
  @Post() @Version('2') @ApiResponse({ status: 403, description: 'too many friends' }) add() {
    return {};
  }
  @Get('open/health') @Public() open() {
    return '';
  }
  @Get('open/keyed') @Public() @ApiSecurity('api-key') keyed() {
    return '';
  }
  @Get('own/documented') @ApiBearerAuth('other') documented() {
    return '';
  }
}

@Controller('chain')
class ChainController {
  @Get() @UseGuards(AuthGuard(['nowgg', 'api-key'])) @ApiSecurity('api-key') chain() {
    return '';
  }
  @Get('unguarded') unguarded() {
    return '';
  }
}

let app: INestApplication | undefined;
afterEach(async () => app?.close());

interface Operation {
  security?: object[];
  responses: Record<string, { description: string; headers?: object; content?: object }>;
  'x-required-scopes'?: string[];
}

async function documentOf(prepare: (app: INestApplication) => void = () => undefined, globalGuard = true) {
  const auth = NowggAuthModule.forRoot({
    clientId: 'game',
    clientSecret: 'secret',
    strategyName: false,
    globalGuard,
    routes: true,
    tokenStore: memoryTokenStore(),
    tokens: { encryptionKeys: [{ id: 'k1', key: strongKey(1) }] },
  });
  const controllers = globalGuard ? [FriendsController] : [ChainController];
  const module = await Test.createTestingModule({ imports: [auth], controllers }).compile();
  app = module.createNestApplication({ logger: false });
  prepare(app);
  // As in `main.ts`: before the application is initialized.
  const document = applyNowggSecurity(SwaggerModule.createDocument(app, new DocumentBuilder().build()), app);
  const of = (path: string, method: 'get' | 'post' = 'get') =>
    (document.paths[path] as unknown as Record<string, Operation> | undefined)?.[method] as Operation;
  return { document, of };
}

describe('applyNowggSecurity', () => {
  it('documents what the guard demands: required, optional, public, scopes', async () => {
    const { document, of } = await documentOf();
    expect(document.components?.securitySchemes).toEqual({ nowgg: { type: 'http', scheme: 'bearer' } });
    expect(of('/friends/{id}').security).toEqual([{ nowgg: [] }]);
    expect(of('/friends/{id}')['x-required-scopes']).toEqual(['profile', 'friends']);
    expect(of('/friends').security).toEqual([{}, { nowgg: [] }]);
    expect(of('/friends/open/health').security).toEqual([]);
    expect(of('/friends/open/keyed').security).toEqual([{ 'api-key': [] }]);
    expect(of('/friends/own/documented').security).toEqual([{ nowgg: [] }]);
  });

  it('adds the error responses with their headers, and keeps those of the application', async () => {
    const { document, of } = await documentOf();
    const { responses } = of('/friends/{id}');
    expect(Object.keys(responses)).toEqual(expect.arrayContaining(['200', '401', '403', '503']));
    expect(responses['403']?.description).toContain('profile friends');
    expect(responses['401']?.headers).toHaveProperty('WWW-Authenticate');
    expect(responses['503']?.headers).toHaveProperty('Retry-After');
    expect(of('/friends', 'post').responses['403']?.description).toBe('too many friends');
    expect(of('/friends/open/health').responses).not.toHaveProperty('401');
    expect(document.components?.schemas).toHaveProperty('NowggError');
  });

  it('documents the ready-made routes, and every reference leads somewhere', async () => {
    const { document, of } = await documentOf();
    expect(of('/auth/login', 'post').security).toEqual([]);
    expect(of('/auth/me').security).toEqual([{ nowgg: [] }]);
    expect(of('/auth/login', 'post').responses['200']?.content).toEqual({
      'application/json': { schema: { $ref: '#/components/schemas/NowggLogin' } },
    });
    expect(of('/auth/logout', 'post').responses['204']).toEqual({ description: 'signed out' });
    const references = [...JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g)].map(([, name]) => name);
    expect(references.length).toBeGreaterThan(5);
    for (const name of references) expect(document.components?.schemas).toHaveProperty(String(name));
  });

  it.each([
    ['a global prefix', (a: INestApplication) => void a.setGlobalPrefix('api/game'), '/api/game'],
    [
      'a default version in the URI',
      (a: INestApplication) => void a.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' }),
      '/v1',
    ],
    [
      'both',
      (a: INestApplication) => {
        a.setGlobalPrefix('api');
        a.enableVersioning({ type: VersioningType.URI, defaultVersion: '1' });
      },
      '/api/v1',
    ],
  ])('finds the routes behind %s', async (_name, prepare, prefix) => {
    const { of } = await documentOf(prepare);
    expect(of(`${prefix}/friends/{id}`).security).toEqual([{ nowgg: [] }]);
    expect(of(`${prefix}/friends`).security).toEqual([{}, { nowgg: [] }]);
    expect(of(`${prefix}/auth/login`, 'post').security).toEqual([]);
    const versioned = prefix.replace('v1', 'v2');
    expect(of(`${versioned}/friends`, 'post').security).toEqual([{ nowgg: [] }]);
  });

  it('adds the token to the other schemes of a chain of Passport, and says nothing about an unguarded route', async () => {
    const { of } = await documentOf(undefined, false);
    expect(of('/chain').security).toEqual([{ 'api-key': [] }, { nowgg: [] }]);
    expect(of('/chain/unguarded').security).toEqual([]);
  });
});
