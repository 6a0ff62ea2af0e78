import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { NowggEmulator } from 'nowgg-emulator';
import type { BrowserContext, Page } from 'playwright-core';
import type { EmbeddedServices } from '../../../apps/sample/src/embedded/embedded-services.js';
import { type RunningSample, startSample, startSampleServices } from './sample-app.js';
import { workspace } from './sample-process.js';

/** The sample with its page, for all tests of a file. */
export class SampleInBrowser {
  #services: EmbeddedServices | undefined;
  #sample: RunningSample | undefined;

  get url(): string {
    return this.#running.url;
  }

  /** What the person at the machine opens: with the key of the development tools. */
  get address(): string {
    return `${this.url}/#development=${this.#running.developmentKey}`;
  }

  get emulator(): NowggEmulator {
    return this.#running.emulator;
  }

  get #running(): RunningSample {
    if (!this.#sample) throw new Error('the sample is there while tests run only');
    return this.#sample;
  }

  /** Opens the page; resolves when it knows whether a player is signed in. */
  async open(page: Page): Promise<Page> {
    await page.goto(this.address);
    await page.getByText(/^(Signed in|Not signed in)$/).waitFor();
    return page;
  }

  /** Signs a new player of the emulator in, by a code that is typed in. */
  async signIn(page: Page, name: string): Promise<{ userId: string }> {
    const { userId } = this.emulator.addPlayer({ name });
    await this.enterCode(page, this.emulator.issueCode({ userId }));
    await page.getByRole('heading', { name, exact: true }).waitFor();
    return { userId };
  }

  async enterCode(page: Page, code: string): Promise<void> {
    const field = page.getByLabel('A code that the game got on the device');
    if (!(await field.isVisible())) await page.getByText('Other ways').click();
    await field.fill(code);
    await page.getByRole('button', { name: 'Use the code' }).click();
  }

  /** A tab in which a player of this name is signed in. */
  async signedIn(context: BrowserContext, name: string): Promise<Page> {
    const page = await this.open(await context.newPage());
    await this.signIn(page, name);
    return page;
  }

  /** Opens the desk of support; it may not have drawn its first state yet. */
  async openDesk(desk: Page): Promise<Page> {
    await desk.goto(this.address.replace('/#', '/admin#'));
    await desk.getByLabel('Seconds that new tokens live').waitFor();
    return desk;
  }

  /** @internal */
  async start(): Promise<void> {
    // The page loads the session client as it is built.
    execFileSync(process.execPath, ['tools/build.mjs'], { cwd: workspace });
    this.#services = await startSampleServices();
    // The address that the services know: the provider's form may lead to no other.
    const { http } = this.#services.config;
    this.#sample = await startSample(this.#services, 'express', { http });
  }

  /** @internal */
  heal(): void {
    this.emulator.clearFaults();
    this.emulator.setTokenLifetime(3_600);
  }

  /** @internal */
  async stop(): Promise<void> {
    await this.#sample?.close();
    await this.#services?.close();
  }
}

/** Gives the tests of a file their sample: one start for all of them. */
export function useSample(): SampleInBrowser {
  const sample = new SampleInBrowser();
  beforeAll(async () => sample.start(), 240_000);
  afterEach(() => sample.heal());
  afterAll(async () => sample.stop());
  return sample;
}
