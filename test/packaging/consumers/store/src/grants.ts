import { randomBytes } from 'node:crypto';
// A backend with a token store: a player signs in with a code on a real database, printed as JSON.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { NowggAuthenticator, NowggAuthModule, NowggTokenService } from 'nestjs-nowgg-auth';
import { nowggEntities, nowggMigrations, typeOrmTokenStore } from 'nestjs-nowgg-auth/typeorm';
import { startNowggEmulator } from 'nowgg-emulator';

async function main(): Promise<void> {
  const emulator = await startNowggEmulator({ players: [{ userId: 'player-1' }] });

  @Module({
    imports: [
      TypeOrmModule.forRoot({
        type: 'postgres',
        url: process.env['DATABASE_URL'] ?? '',
        entities: [...nowggEntities],
        migrations: [...nowggMigrations],
        migrationsRun: true,
      }),
      NowggAuthModule.forRootAsync({
        tokenStore: typeOrmTokenStore(),
        useFactory: () => ({
          clientId: 'demo-client',
          clientSecret: 'demo-secret',
          baseUrl: emulator.url,
          tokens: { encryptionKeys: [{ id: 'k1', key: randomBytes(32).toString('base64') }] },
        }),
      }),
    ],
  })
  class AppModule {}

  const app = await NestFactory.createApplicationContext(AppModule, { logger: false, abortOnError: false });
  const tokens = app.get(NowggTokenService);
  const code = emulator.issueCode();
  const signIn = await tokens.exchangeCode(code);
  const again = await tokens.exchangeCode(code);
  const stored = await tokens.getAccessToken(signIn.grant.id);
  const refreshed = await tokens.refresh(signIn.grant.id);
  const verdict = await app.get(NowggAuthenticator).authenticate(refreshed.token);
  const grants = await tokens.listGrants('player-1');
  await app.close();
  await emulator.close();
  const report = {
    userId: signIn.principal.userId,
    sameGrant: again.grant.id === signIn.grant.id,
    sameToken: stored.token === signIn.accessToken.token,
    newToken: refreshed.token !== stored.token,
    generations: refreshed.generation - stored.generation,
    verdict: verdict.status,
    grants: grants.length,
  };
  process.stdout.write(JSON.stringify(report));
}

void main();
