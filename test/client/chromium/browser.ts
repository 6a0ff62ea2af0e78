import type { BrowserContext, Frame, Page } from 'playwright-core';
import type { PageUnderTest } from './page.js';

/** Opens the page of the test in a tab of its own. */
export async function openPage(context: BrowserContext, url: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${url}/page`);
  await loaded(page);
  return page;
}

/** Resolves when the page's modules have run. */
export async function loaded(page: Page | Frame): Promise<void> {
  await page.waitForFunction('globalThis.underTest !== undefined');
}

type Ask = { [Name in keyof PageUnderTest]: Parameters<PageUnderTest[Name]> };

/** Calls a function of the page. */
export async function ask<Name extends keyof PageUnderTest>(
  page: Page | Frame,
  name: Name,
  ...parameters: Ask[Name]
): Promise<Awaited<ReturnType<PageUnderTest[Name]>>> {
  const answer: unknown = await page.evaluate(
    async ([wanted, given]) => {
      const { underTest } = globalThis as unknown as { underTest: Record<string, (...all: unknown[]) => unknown> };
      return underTest[wanted]?.(...given);
    },
    [name, parameters] as [Name, unknown[]],
  );
  return answer as Awaited<ReturnType<PageUnderTest[Name]>>;
}
