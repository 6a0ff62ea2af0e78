import { describeConsumer } from './describe-consumer.js';

// Nest 12 is ESM only: here everything is loaded by require().
describeConsumer({ name: 'cjs-nest12', nest: 12, modules: 'commonjs', typeorm: '1' });
