import { pathToFileURL } from 'node:url';

interface Places {
  readonly checkout: string;
  /** The folder of the compiled benchmarks. */
  readonly bench: string;
}

interface ResolveContext {
  readonly parentURL?: string | undefined;
}

type Next<R> = (specifier: string, context: ResolveContext) => Promise<R>;

let places: Places = { checkout: '', bench: '' };

/** Called by Node once, in the thread of the hooks. */
export function initialize(data: Places): void {
  places = data;
}

/** Resolves the packages that the benchmarks import as if the other checkout had imported them. */
export function resolve<R>(specifier: string, context: ResolveContext, next: Next<R>): Promise<R> {
  const isPackage = !/^(?:\.|\/|[a-z]+:)/.test(specifier);
  if (!isPackage || context.parentURL?.startsWith(places.bench) !== true) return next(specifier, context);
  return next(specifier, { ...context, parentURL: pathToFileURL(`${places.checkout}/bench/main.js`).href });
}
