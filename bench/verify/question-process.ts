import 'reflect-metadata';
import { Agent, request as httpRequest } from 'node:http';
import { HttpService } from '@nestjs/axios';
import { NestFactory } from '@nestjs/core';
import axios, { type AxiosInstance } from 'axios';
import { NowggAuthenticator, NowggAuthModule } from 'nestjs-nowgg-auth';
import { Pool } from 'undici';
import { serve } from '../support/child-process.js';
import { client, makeToken } from './tokens.js';

/** Asks about a token and reads the answer. */
type Ask = (token: string) => Promise<unknown>;

/** Questions that are under way at a time. */
const UNDER_WAY = 16;
const WARM_UP = 1_500;
const PATH = '/accounts/oauth2/v1/verify-token';
const HEADERS = {
  accept: 'application/json',
  'accept-encoding': 'identity',
  'user-agent': 'bench',
  'content-type': 'application/json',
};

const agent = new Agent({ keepAlive: true });

/** What can be measured, by its title. */
const SUBJECTS = {
  'undici `Pool`': undici,
  '`node:http`': async (url: string) => overNode(new URL(PATH, url)),
  axios: async (url: string) => overAxios(url, axios),
  '`HttpService` of `@nestjs/axios`': async (url: string) => overAxios(url, new HttpService().axiosRef),
  '`fetch`': async (url: string): Promise<Ask> => {
    const ask: Ask = async (token) => {
      const reply = await fetch(url + PATH, { method: 'POST', headers: HEADERS, body: bodyOf(token) });
      return reply.json();
    };
    return ask;
  },
  ours,
} satisfies Readonly<Record<string, (url: string) => Promise<Ask>>>;

export type QuestionSubject = keyof typeof SUBJECTS;

let ask: Ask = () => Promise.reject(new Error('nothing was prepared'));

async function prepare(subject: QuestionSubject, url: string): Promise<void> {
  ask = await SUBJECTS[subject](url);
  await measure(WARM_UP);
}

/** CPU microseconds for one question. */
async function measure(questions: number): Promise<number> {
  const tokens = Array.from({ length: questions }, () => makeToken());
  const before = process.cpuUsage();
  const lane = async () => {
    for (let token = tokens.pop(); token !== undefined; token = tokens.pop()) await ask(token);
  };
  await Promise.all(Array.from({ length: UNDER_WAY }, lane));
  const { user, system } = process.cpuUsage(before);
  return (user + system) / questions;
}

function bodyOf(token: string): string {
  const { clientId, clientSecret } = client;
  return JSON.stringify({ token_type: 'token', token, client_id: clientId, client_secret: clientSecret });
}

async function undici(url: string): Promise<Ask> {
  const pool = new Pool(url);
  return async (token) => {
    const { body } = await pool.request({ path: PATH, method: 'POST', headers: HEADERS, body: bodyOf(token) });
    return body.json();
  };
}

function overNode(url: URL): Ask {
  return (token) =>
    new Promise((resolve, reject) => {
      const body = Buffer.from(bodyOf(token));
      const headers = { ...HEADERS, 'content-length': body.length };
      const request = httpRequest(url, { method: 'POST', agent, headers }, (reply) => {
        const chunks: Buffer[] = [];
        reply.on('data', (chunk: Buffer) => chunks.push(chunk));
        reply.on('end', () => resolve(JSON.parse(Buffer.concat(chunks).toString())));
        reply.on('error', reject);
      });
      request.on('error', reject);
      request.end(body);
    });
}

function overAxios(url: string, instance: AxiosInstance): Ask {
  return async (token) => {
    const reply = await instance.post<unknown>(url + PATH, bodyOf(token), { headers: HEADERS, httpAgent: agent });
    return reply.data;
  };
}

async function ours(baseUrl: string): Promise<Ask> {
  const auth = NowggAuthModule.forRoot({ ...client, baseUrl, strategyName: false });
  const app = await NestFactory.createApplicationContext(auth, { logger: ['error', 'warn'], abortOnError: false });
  const authenticator = app.get(NowggAuthenticator);
  return async (token) => {
    const { status } = await authenticator.authenticate(token);
    if (status !== 'valid') throw new Error(`a good token was found ${status}`);
  };
}

const operations = { prepare, measure };

export type QuestionOperations = typeof operations;

serve(operations);
