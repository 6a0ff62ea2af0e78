/** The clock of the test kit, under the name that this repository's own tests use. */
export { TestClock as OffsetClock, type TestClockOptions as OffsetClockOptions } from '../testing/test-clock.js';
