import { register } from 'node:module';

/**
 * Preloaded into a process of the benchmark: packages that the benchmark imports are those of another checkout, which the
 * variable `NOWGG_BENCH_CHECKOUT` names. The benchmark itself is that of this checkout.
 */
register(new URL('resolve-hook.js', import.meta.url), {
  data: { checkout: process.env['NOWGG_BENCH_CHECKOUT'] ?? '', bench: new URL('..', import.meta.url).href },
});
