export { asEmulatedUser, emulatorOptions, type EmulatedUserOptions, type EmulatorOfTest } from './emulated-user.js';
export { expectNoSecrets, type SecretWatch } from './expect-no-secrets.js';
export { overrideNowggAuth, type OverrideNowggAuthOptions } from './override-nowgg-auth.js';
export { TestClock, type TestClockOptions } from './test-clock.js';
export {
  asUser,
  fakePrincipal,
  testCode,
  testToken,
  type TestUserHeaders,
  type TestUserOptions,
} from './test-user.js';
