import { BadRequestException, ConsoleLogger, type INestApplication, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { ValidationError } from 'class-validator';
import { AppModule } from '../app.module.js';
import type { SampleConfig } from '../config/sample-config.js';
import type { DevelopmentControls } from '../development/development-controls.js';

/** The whole app, initialised and not yet listening. */
export async function createApp(config: SampleConfig, development?: DevelopmentControls): Promise<INestApplication> {
  const adapter = config.http.platform === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
  const app = await NestFactory.create(AppModule.register(config, development), adapter, {
    logger: new ConsoleLogger({ logLevels: ['warn', 'error', 'fatal'] }),
    abortOnError: false,
    // Nest logs a failed start with its stack; the caller says in one sentence what to do.
    bufferLogs: true,
    autoFlushLogs: false,
  });
  app.useGlobalPipes(
    new ValidationPipe({ whitelist: true, forbidNonWhitelisted: true, transform: true, exceptionFactory: badRequest }),
  );
  try {
    await app.init();
    app.flushLogs();
    return app;
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** Names the invalid fields, without their values. */
function badRequest(errors: readonly ValidationError[]): BadRequestException {
  const message = errors.flatMap(({ constraints }) => Object.values(constraints ?? {})).join('; ');
  return new BadRequestException({ statusCode: 400, message, errorCode: 'invalid_request' });
}
