import 'reflect-metadata';
import { setTimeout as pause } from 'node:timers/promises';
import { NestFactory } from '@nestjs/core';
import { NowggAuthenticator, NowggAuthModule } from 'nestjs-nowgg-auth';
import { serve } from '../support/child-process.js';
import { client, makeToken } from '../verify/tokens.js';

const KNOWN = 50;

let authenticator: NowggAuthenticator;
let known: readonly string[];

/** Starts the module and signs a few players in. */
async function start(baseUrl: string, hasCircuit: boolean): Promise<void> {
  const auth = NowggAuthModule.forRoot({
    ...client,
    baseUrl,
    strategyName: false,
    verification: hasCircuit ? {} : { circuit: false },
  });
  const app = await NestFactory.createApplicationContext(auth, { logger: ['error'], abortOnError: false });
  authenticator = app.get(NowggAuthenticator);
  known = Array.from({ length: KNOWN }, () => makeToken());
  for (const token of known) await isServed(token);
}

async function isServed(token: string): Promise<boolean> {
  return (await authenticator.authenticate(token)).status === 'valid';
}

/** Newcomers at a steady pace, beside known players. @returns the shares that were served */
async function play(aSecond: number, seconds: number): Promise<{ newcomers: number; known: number }> {
  const visits: Promise<readonly [boolean, boolean]>[] = [];
  const total = aSecond * seconds;
  const startedAt = performance.now();
  for (let visit = 0; visit < total; visit += 1) {
    visits.push(Promise.all([isServed(makeToken()), isServed(known[visit % KNOWN] as string)]));
    await pause(Math.max(0, startedAt + ((visit + 1) * 1_000) / aSecond - performance.now()));
  }
  const served = await Promise.all(visits);
  const share = (at: 0 | 1) => served.filter((outcome) => outcome[at]).length / total;
  return { newcomers: share(0), known: share(1) };
}

const operations = { start, play };

export type VerifierOperations = typeof operations;

serve(operations);
