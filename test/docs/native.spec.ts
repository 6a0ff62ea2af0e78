import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type NowggEmulator, startNowggEmulator } from 'nowgg-emulator';
import { EMULATED_CLIENT, GameWithRoutes } from '../support/game/game-with-routes.js';
import { codeBlocks, documents } from './markdown.js';

/** A request or an answer as the page shows it. */
function parsed(code: string) {
  const [head = '', body] = code.split('\n\n');
  const [first = '', ...lines] = head.split('\n');
  const headers = lines.map((line) => line.split(': ') as [string, string]);
  return { first, headers, body };
}

/** The shape of an answer: its fields, with the kind of each value; what stands for a time has to be one. */
function shapeOf(value: unknown): unknown {
  if (Array.isArray(value)) return 'list';
  if (typeof value === 'object' && value !== null)
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shapeOf(each)]));
  return typeof value === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(value) ? 'time' : typeof value;
}

describe('docs/native: the requests and answers of the page', () => {
  let emulator: NowggEmulator;
  let game: GameWithRoutes;
  beforeAll(async () => {
    emulator = await startNowggEmulator({ clients: [EMULATED_CLIENT] });
    game = await GameWithRoutes.start(emulator);
  });
  afterAll(async () => {
    await game.close();
    await emulator.close();
  });

  it('are those of a backend', async () => {
    const page = documents().find(({ file }) => file === 'docs/native.md');
    const blocks = codeBlocks(page ?? { file: '', text: '' }).filter(({ language }) => language === 'http');
    expect(blocks.length).toBeGreaterThan(10);
    const known: Record<string, string> = { code: emulator.issueCode(), attempt: 'a'.repeat(43) };
    const filled = (text: string) => text.replaceAll(/<(\w+)>/g, (_, name: string) => known[name] ?? `no ${name}`);
    for (let index = 0; index < blocks.length; index += 2) {
      const request = parsed(filled(blocks[index]?.code ?? ''));
      const shown = parsed(blocks[index + 1]?.code ?? '');
      const [method = '', path = ''] = request.first.split(' ');
      const answer = await fetch(game.url + path, {
        method,
        headers: request.headers,
        ...(request.body !== undefined && { body: request.body }),
      });
      const text = await answer.text();
      const body = text === '' ? undefined : (JSON.parse(text) as Record<string, unknown>);
      expect([request.first, `HTTP/1.1 ${answer.status} ${answer.statusText}`]).toEqual([request.first, shown.first]);
      for (const [name, value] of shown.headers) expect([name, answer.headers.get(name)]).toEqual([name, value]);
      const expected = shown.body === undefined ? undefined : (JSON.parse(shown.body) as Record<string, unknown>);
      // The values of a refusal are fixed.
      const compared = answer.status >= 400 ? (value: unknown) => value : shapeOf;
      expect([request.first, compared(body)]).toEqual([request.first, compared(expected)]);
      for (const name of ['token', 'session']) if (typeof body?.[name] === 'string') known[name] = body[name];
    }
  });
});
