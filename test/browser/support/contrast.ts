import type { Page } from 'playwright-core';

/** A text that is hard to read: what it says, its ratio, and the ratio that WCAG 2.2 AA asks for its size. */
export interface FaintText {
  readonly text: string;
  readonly where: string;
  readonly ratio: number;
  readonly needed: number;
}

/** Runs in the page. Colours are read from a canvas pixel, so that every notation of CSS is understood. */
const measure = `(() => {
  const context = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
  const read = (colour) => {
    context.clearRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = ([r, g, b, a], below) => [r, g, b].map((part, i) => part * a + below[i] * (1 - a));
  const backgroundOf = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) layers.push(read(getComputedStyle(at).backgroundColor));
    const canvas = read(matchMedia('(prefers-color-scheme: dark)').matches ? '#121212' : '#ffffff').slice(0, 3);
    return layers.reduceRight((below, layer) => over(layer, below), canvas);
  };
  const luminance = (colour) => {
    const [r, g, b] = colour.map((part) => part / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ratioOf = (one, other) => {
    const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    const text = walker.currentNode.data.trim();
    if (text === '' || !element.checkVisibility({ opacityProperty: true, visibilityProperty: true })) continue;
    if (element.closest('script, style, noscript') || element.closest(':disabled')) continue;
    texts.push([element, text]);
  }
  for (const element of document.querySelectorAll('input, textarea')) {
    if (element.value && element.checkVisibility() && !element.disabled) texts.push([element, element.value]);
  }
  return texts.map(([element, text]) => {
    const style = getComputedStyle(element);
    const background = backgroundOf(element);
    const size = Number.parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const ratio = Math.round(ratioOf(over(read(style.color), background), background) * 100) / 100;
    const where = element.tagName.toLowerCase() + (element.className ? '.' + element.className : '');
    return { text: text.slice(0, 60), where, ratio, needed: isLarge ? 3 : 4.5 };
  });
})()`;

/** How many visible texts the page shows, and those of them with less contrast than WCAG 2.2 AA asks. */
export async function readContrast(page: Page): Promise<{ measured: number; faint: FaintText[] }> {
  const texts = (await page.evaluate(measure)) as FaintText[];
  return { measured: texts.length, faint: texts.filter(({ ratio, needed }) => ratio < needed) };
}
