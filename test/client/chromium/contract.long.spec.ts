import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { contract } from '../contract.js';
import { ScriptedBackend } from '../support/scripted-backend.js';
import { startChromium } from '../../support/servers/chromium.js';
import { ask, loaded, openPage } from './browser.js';
import { pageFiles } from './page-files.js';

let browser: Browser;
let context: BrowserContext;
let page: Page;
let backend: ScriptedBackend;
let other: ScriptedBackend;
const hosts = new Set<string>();

beforeAll(async () => {
  backend = await ScriptedBackend.start(pageFiles);
  other = await ScriptedBackend.start();
  browser = await startChromium();
  context = await browser.newContext();
  context.on('request', (request) => hosts.add(new URL(request.url()).hostname));
  page = await openPage(context, backend.url);
});

afterAll(async () => {
  await browser.close();
  await backend[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});

beforeEach(async () => {
  await page.reload();
  await loaded(page);
});

describe.each(Object.entries(contract))('in Chromium: %s', (chapter, facts) => {
  it.each(Object.keys(facts))('%s', async (fact) => {
    const faults: Error[] = [];
    page.on('pageerror', (error) => faults.push(error));
    await ask(page, 'runFact', chapter, fact, backend.url, other.url);
    expect(faults).toEqual([]);
  });
});

it('asks no host but its own', () => {
  hosts.delete('');
  expect([...hosts]).toEqual(['127.0.0.1']);
});
