import { NowggConfigurationError } from '../errors.js';

/**
 * Who holds a strategy name in this process. `booting` and `leaving` holders give way: an application whose start
 * failed half-way tells nobody, so a name is only kept from others once its application has come up.
 */
interface Claim {
  holder: object;
  state: 'booting' | 'live' | 'leaving';
}

/** On the global object, because Passport's names are shared even by two copies of this package. */
const CLAIMS = Symbol.for('nestjs-nowgg-auth:passport-names');

function claims(): Map<string, Claim> {
  const global = globalThis as { [CLAIMS]?: Map<string, Claim> };
  return (global[CLAIMS] ??= new Map());
}

/** Takes a strategy name for an application that is starting. @throws NowggConfigurationError when it is taken. */
export function claimPassportName(name: string, holder: object): void {
  if (claims().get(name)?.state === 'live') throw nameTaken();
  claims().set(name, { holder, state: 'booting' });
}

/** Keeps the name from others from now on. @throws NowggConfigurationError when another application took it meanwhile. */
export function holdPassportName(name: string, holder: object): void {
  const claim = claims().get(name);
  if (claim && claim.holder !== holder) throw nameTaken();
  claims().set(name, { holder, state: 'live' });
}

/** Lets the name go to whoever asks for it, while its holder serves its last requests. */
export function yieldPassportName(name: string, holder: object): void {
  const claim = claims().get(name);
  if (claim?.holder === holder) claim.state = 'leaving';
}

/** Ends a claim. @returns whether the name was still this holder's. */
export function releasePassportName(name: string, holder: object): boolean {
  return claims().get(name)?.holder === holder && claims().delete(name);
}

function nameTaken(): NowggConfigurationError {
  return new NowggConfigurationError(
    'strategyName: another live module in this process has a Passport strategy of this name; ' +
      'give each module its own strategyName, or false for none',
  );
}
