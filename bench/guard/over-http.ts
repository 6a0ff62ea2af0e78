import { Child } from '../support/child-process.js';
import { getRequest, HttpLoad } from '../support/http-load.js';
import { rotated } from '../support/statistics.js';
import { ROUTE } from './benched-app.js';
import type { Identity, IdentityOperations } from './identity-process.js';
import type { ServerOperations } from './server-process.js';
import { type Platform, type Variant, type VariantName, variants } from './variants.js';

/** Server CPU microseconds for one request, by variant, one value for each round. */
export type HttpSamples = Readonly<Record<VariantName, readonly number[]>>;

export interface HttpMeasurement {
  readonly platform: Platform;
  readonly rounds: number;
  readonly requests: number;
}

/** Enough to keep the server busy, few enough that a small machine does not only switch between them. */
const CONNECTIONS = 16;
/** Rounds, and least number of requests in each, before a variant is measured: then the compiler is done. */
const WARM_UP_ROUNDS = 2;
const WARM_UP_REQUESTS = 1500;

interface Bench {
  readonly variant: Variant & { readonly name: VariantName };
  readonly load: HttpLoad;
  readonly pool: readonly Buffer[];
}

/** Measures all variants on one platform, in rounds that take one after the other. */
export async function measureOverHttp(
  { platform, rounds, requests }: HttpMeasurement,
  identity: Identity,
  identityProcess: Child<IdentityOperations>,
): Promise<HttpSamples> {
  const server = new Child<ServerOperations>(new URL('server-process.js', import.meta.url));
  const benches: Bench[] = [];
  try {
    const ports = await server.call('start', { platform, identity });
    for (const variant of variants) {
      await checkAnswers(variant, ports[variant.name], identity);
      const pool = identity.tokens[variant.tokens].map((token) => getRequest(ROUTE, token));
      benches.push({ variant, pool, load: await HttpLoad.open(ports[variant.name], CONNECTIONS) });
    }
    const samples = emptySamples();
    for (let round = -WARM_UP_ROUNDS; round < rounds; round += 1) {
      for (const bench of rotated(benches, round + WARM_UP_ROUNDS)) {
        const isWarmUp = round < 0;
        const amount = isWarmUp ? Math.max(requests, WARM_UP_REQUESTS) : requests;
        const cost = await measureOnce(bench, amount, server, identityProcess, isWarmUp);
        if (!isWarmUp) samples[bench.variant.name].push(cost);
      }
    }
    return samples;
  } finally {
    for (const { load } of benches) load.close();
    await server.stop();
  }
}

/** CPU microseconds for one request. */
async function measureOnce(
  { variant, load, pool }: Bench,
  requests: number,
  server: Child<ServerOperations>,
  identityProcess: Child<IdentityOperations>,
  isWarmUp: boolean,
): Promise<number> {
  const amount = variant.isSlow ? Math.max(1, Math.round(requests / 5)) : requests;
  const asked = await identityProcess.call('verifyTokenCalls');
  const before = await server.call('cpuMicroseconds');
  await load.run(pool, amount);
  const after = await server.call('cpuMicroseconds');
  const calls = (await identityProcess.call('verifyTokenCalls')) - asked;
  if (!isWarmUp && (variant.asksEveryTime ? calls < amount : calls > 0)) {
    throw new Error(`${variant.name} asked verify-token ${calls} times for ${amount} requests`);
  }
  return (after - before) / amount;
}

/** Checks the answers: guards that let everyone in would have good figures. */
async function checkAnswers(variant: Variant, port: number, identity: Identity): Promise<void> {
  const token = identity.tokens[variant.tokens][0] ?? '';
  const expectations: ReadonlyArray<readonly [string | undefined, number]> = [
    [token, 200],
    [`${token.slice(0, -6)}AAAAAA`, variant.guards ? 401 : 200],
    [undefined, variant.guards ? 401 : 200],
  ];
  for (const [sent, expected] of expectations) {
    const headers: Record<string, string> = sent === undefined ? {} : { Authorization: `Bearer ${sent}` };
    const { status } = await fetch(`http://127.0.0.1:${port}${ROUTE}`, { headers });
    if (status !== expected) throw new Error(`${variant.name} answered ${status} where ${expected} is right`);
  }
}

function emptySamples(): Record<VariantName, number[]> {
  return Object.fromEntries(variants.map(({ name }) => [name, []])) as unknown as Record<VariantName, number[]>;
}
