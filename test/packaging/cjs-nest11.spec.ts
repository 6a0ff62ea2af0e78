import { describeConsumer } from './describe-consumer.js';

// The compiler settings that Nest applications had for years: CommonJS output, types found without `exports`.
describeConsumer({ name: 'cjs-nest11', nest: 11, modules: 'commonjs', typeorm: '0.3' });
