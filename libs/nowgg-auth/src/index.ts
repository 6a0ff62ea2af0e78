export * from './clock.js';
export * from './errors.js';
export { NowggPrincipal, type TokenFacts, type TokenType } from './principal.js';
