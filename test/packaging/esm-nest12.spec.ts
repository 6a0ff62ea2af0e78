import { describeConsumer } from './describe-consumer.js';

describeConsumer({ name: 'esm-nest12', nest: 12, modules: 'esm', typeorm: '1' });
