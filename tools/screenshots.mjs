#!/usr/bin/env node
// Takes the pictures of the documents again, light and dark, into docs/images:
//   npm run build && node tools/screenshots.mjs [beginning of a name]
// Each file of tools/screenshots/ exports `prepare()`: it starts what its pages need and resolves with
// { scenes: [{ name, width, height, open(page) }], close() }. `open` brings the page to the state to show.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { chromium } from 'playwright-core';
import { chromiumPath } from '../test/support/available-projects.js';
import { toPalette } from './palette-png.mjs';

const images = path.resolve(import.meta.dirname, '../docs/images');
const sources = path.join(import.meta.dirname, 'screenshots');
const largestBytes = 120 * 1024;
const [wanted = ''] = process.argv.slice(2);

/** One scene in one colour scheme. */
async function take(browser, { name, width, height, open }, colorScheme) {
  const context = await browser.newContext({ viewport: { width, height }, colorScheme, reducedMotion: 'reduce' });
  try {
    const page = await context.newPage();
    await open(page);
    const file = path.join(images, `${name}-${colorScheme}.png`);
    const picture = toPalette(await page.screenshot({ animations: 'disabled', caret: 'hide' }));
    writeFileSync(file, picture);
    console.log(`${path.relative(process.cwd(), file)}: ${Math.ceil(picture.length / 1024)} KB`);
    if (picture.length > largestBytes)
      throw new Error(`${name} is larger than ${largestBytes / 1024} KB: show less of it`);
  } finally {
    await context.close();
  }
}

async function takeAll(browser, { prepare }) {
  const { scenes, close } = await prepare();
  try {
    for (const scene of scenes.filter(({ name }) => name.startsWith(wanted)))
      for (const colorScheme of ['light', 'dark']) await take(browser, scene, colorScheme);
  } finally {
    await close();
  }
}

mkdirSync(images, { recursive: true });
const browser = await chromium.launch({
  executablePath: chromiumPath(),
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--hide-scrollbars'],
});
try {
  for (const file of readdirSync(sources).toSorted())
    if (file.startsWith(wanted.split('-')[0])) await takeAll(browser, await import(path.join(sources, file)));
} finally {
  await browser.close();
}
