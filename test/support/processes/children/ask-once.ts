import 'reflect-metadata';
import { AppUnderTest, platforms } from '../../game/app-under-test.js';

/** What came of one request to a guarded route whose identity system answers at `baseUrl`. */
export interface AskedOnce {
  readonly platform: string;
  readonly baseUrl: string;
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly handled: readonly string[];
  readonly events: readonly unknown[];
}

// The arguments are base URLs. Each is asked once on each platform; the outcomes are printed as one line of JSON.
const outcomes: AskedOnce[] = [];
for (const platform of platforms) {
  for (const baseUrl of process.argv.slice(2)) {
    await using app = await AppUnderTest.start(platform, { options: { baseUrl } });
    const reply = await app.fetch('/guarded', app.token());
    const { status } = reply;
    const retryAfter = reply.header('Retry-After');
    outcomes.push({ platform, baseUrl, status, retryAfter, handled: app.handled, events: app.securityEvents });
  }
}
console.log(JSON.stringify(outcomes));
