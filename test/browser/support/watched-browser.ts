import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { Browser, BrowserContext, BrowserContextOptions, Page } from 'playwright-core';
import { startChromium } from '../../support/servers/chromium.js';

/** Longest wait for anything on a page; below the time limit of a test, so that the message says what was awaited. */
const patienceMs = 25_000;

/**
 * A browser for the tests of one file; every test has contexts (profiles) of its own. After each test its contexts are
 * closed, and the test fails if a page of it logged an error, threw one, or asked a host that is not this machine.
 */
export class WatchedBrowser {
  #browser: Browser | undefined;
  #contexts: BrowserContext[] = [];
  #findings: string[] = [];
  #expected: RegExp[] = [];

  /** A page in a new profile. */
  async newPage(options: BrowserContextOptions = {}): Promise<Page> {
    return (await this.newContext(options)).newPage();
  }

  /** A new profile; its pages share storage, and popups of its pages are watched too. */
  async newContext(options: BrowserContextOptions = {}): Promise<BrowserContext> {
    if (!this.#browser) throw new Error('the browser is there while tests run only');
    const context = await this.#browser.newContext(options);
    this.#contexts.push(context);
    context.setDefaultTimeout(patienceMs);
    context.on('console', (message) => {
      if (message.type() === 'error') this.#findings.push(`console: ${message.text()} ${message.location().url}`);
    });
    context.on('weberror', (error) => this.#findings.push(`thrown: ${error.error().message}`));
    context.on('request', (request) => {
      if (isForeign(request.url())) this.#findings.push(`foreign host: ${request.url()}`);
    });
    return context;
  }

  /** What the pages of this test did that a test must not overlook, so far. */
  get findings(): readonly string[] {
    return this.#findings;
  }

  /** For tests of outages and refusals, which the browser itself logs: findings of this form are no fault. */
  expectFindings(form: RegExp): void {
    this.#expected.push(form);
  }

  /** @internal */
  async start(args: readonly string[]): Promise<void> {
    this.#browser = await startChromium(args);
  }

  /** @internal */
  async stop(): Promise<void> {
    await this.#browser?.close();
  }

  /** @internal */
  async settle(): Promise<void> {
    for (const context of this.#contexts) await context.close();
    const unexpected = this.findings.filter((finding) => !this.#expected.some((form) => form.test(finding)));
    this.#contexts = [];
    this.#findings = [];
    this.#expected = [];
    if (unexpected.length > 0) throw new Error(`the pages of this test had faults:\n${unexpected.join('\n')}`);
  }
}

/** Gives the tests of a file (or of a `describe`) their browser. @param args further switches for Chromium */
export function useBrowser(args: readonly string[] = []): WatchedBrowser {
  const browser = new WatchedBrowser();
  beforeAll(async () => browser.start(args));
  afterEach(async () => browser.settle());
  afterAll(async () => browser.stop());
  return browser;
}

function isForeign(address: string): boolean {
  const { protocol, hostname } = new URL(address);
  if (!['http:', 'https:', 'ws:', 'wss:'].includes(protocol)) return false;
  return !(hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname));
}
