import { describeConsumer } from './describe-consumer.js';

describeConsumer({ name: 'esm-nest11', nest: 11, modules: 'esm', typeorm: '1' });
