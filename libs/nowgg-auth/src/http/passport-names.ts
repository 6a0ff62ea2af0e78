import { NowggConfigurationError } from '../errors.js';

/**
 * The holder of a strategy name in this process. A `booting` or `leaving` holder can be replaced: an application whose
 * start fails half-way sends no signal, so a name is reserved only once its application has started.
 */
interface Claim {
  holder: object;
  state: 'booting' | 'live' | 'leaving';
}

/** Key on the global object, because even two copies of this package share Passport's names. */
const CLAIMS = Symbol.for('nestjs-nowgg-auth:passport-names');

function claims(): Map<string, Claim> {
  const global = globalThis as { [CLAIMS]?: Map<string, Claim> };
  return (global[CLAIMS] ??= new Map());
}

/** Claims a strategy name for an application that is starting. @throws NowggConfigurationError when it is taken. */
export function claimPassportName(name: string, holder: object): void {
  if (claims().get(name)?.state === 'live') throw nameTaken();
  claims().set(name, { holder, state: 'booting' });
}

/** Reserves the name from now on. @throws NowggConfigurationError when another application took it meanwhile. */
export function holdPassportName(name: string, holder: object): void {
  const claim = claims().get(name);
  if (claim && claim.holder !== holder) throw nameTaken();
  claims().set(name, { holder, state: 'live' });
}

/** Lets another application claim the name while its holder serves its last requests. */
export function yieldPassportName(name: string, holder: object): void {
  const claim = claims().get(name);
  if (claim?.holder === holder) claim.state = 'leaving';
}

/** Ends a claim. @returns whether this holder still had the name. */
export function releasePassportName(name: string, holder: object): boolean {
  return claims().get(name)?.holder === holder && claims().delete(name);
}

function nameTaken(): NowggConfigurationError {
  return new NowggConfigurationError(
    'strategyName: another live module in this process has a Passport strategy of this name; ' +
      'give each module its own strategyName, or set it to false',
  );
}
