// An ES module application with a CommonJS library: do they see the same classes? Printed as JSON.
import 'reflect-metadata';
import { createRequire } from 'node:module';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import * as imported from 'nestjs-nowgg-auth';
import { graphql } from 'nestjs-nowgg-auth/graphql';
import * as emulator from 'nowgg-emulator';
import library from './library/index.js';

const { InvalidTokenError, NowggAuthenticator, NowggAuthModule } = imported;
const require = createRequire(import.meta.url);

class AppModule {}
Module({ imports: [NowggAuthModule.forRoot({ clientId: 'game' })], providers: [library.Doorkeeper] })(AppModule);

const app = await NestFactory.create(AppModule, { logger: false });
await app.init();
const doorkeeper = app.get(library.Doorkeeper);
const found = {
  injected: doorkeeper.authenticator === app.get(NowggAuthenticator),
  knowsErrors: doorkeeper.isInvalidToken(new InvalidTokenError('invalid_token')),
  required: require('nestjs-nowgg-auth').NowggAuthModule === NowggAuthModule,
  requiredEntry: library.graphql === graphql,
  requiredEmulator: require('nowgg-emulator').startNowggEmulator === emulator.startNowggEmulator,
};

// The CommonJS copy by its path: no import of the package leads there on this Node.js.
const copy = require('./node_modules/nestjs-nowgg-auth/cjs/index.js');
class SecondModule {}
Module({ imports: [copy.NowggAuthModule.forRoot({ clientId: 'game', strategyName: false })] })(SecondModule);
const second = await NestFactory.createApplicationContext(SecondModule, { logger: false, abortOnError: false }).then(
  () => 'started',
  (error) => error.message,
);
await app.close();
process.stdout.write(JSON.stringify({ ...found, second }));
