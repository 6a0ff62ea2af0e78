/** What the module's declaration and the policy decorators refuse at compile time. */
import { memoryTokenStore, NowggAuth, NowggAuthModule, OptionalAuth, RequireScopes } from 'nestjs-nowgg-auth';

const encryptionKeys = [{ id: 'k1', key: 'k' }];

export const accepted = [
  NowggAuthModule.forRoot({ clientId: 'game', clientSecret: 'secret', globalGuard: true, strategyName: false }),
  NowggAuthModule.forRootAsync({
    tokenStore: memoryTokenStore(),
    useFactory: async (id: string) => ({ clientId: id, tokens: { encryptionKeys } }),
    inject: ['CLIENT_ID'],
  }),
  NowggAuth({ maxAgeMs: 0, allowStale: false, tokenType: 'id_token', provider: 'nowgg', maxAuthAgeMs: 300_000 }),
  OptionalAuth({ onInvalid: 'anonymous' }),
  RequireScopes('email', 'profile'),
];

export const refused = [
  // @ts-expect-error 'clientid' does not exist
  NowggAuthModule.forRoot({ clientid: 'game' }),
  // @ts-expect-error Type 'string' is not assignable to type 'number'
  NowggAuthModule.forRoot({ clientId: 'game', verification: { maxAgeMs: '30' } }),
  // @ts-expect-error Property 'encryptionKeys' is missing
  NowggAuthModule.forRoot({ clientId: 'game', tokens: {} }),
  // @ts-expect-error Types of property 'isGlobal' are incompatible
  NowggAuthModule.forRootAsync({ useFactory: () => ({ clientId: 'game', isGlobal: true }) }),
  // @ts-expect-error 'clientId' does not exist
  NowggAuthModule.forRootAsync({ useFactory: () => ({}), clientId: 'game' }),
  // @ts-expect-error Type '"jwt"' is not assignable to type
  NowggAuth({ tokenType: 'jwt' }),
  // @ts-expect-error Type '"ignore"' is not assignable to type
  OptionalAuth({ onInvalid: 'ignore' }),
  // @ts-expect-error Expected at least 1 arguments
  RequireScopes(),
];
