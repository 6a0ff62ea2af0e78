import { Child } from '../support/child-process.js';
import { rotated } from '../support/statistics.js';
import type { IdentityOperations } from './identity-process.js';
import type { QuestionOperations, QuestionSubject } from './question-process.js';

/** The clients that are compared; the first is the unit. */
const SUBJECTS: readonly QuestionSubject[] = [
  'undici `Pool`',
  '`node:http`',
  'axios',
  '`HttpService` of `@nestjs/axios`',
  '`fetch`',
  'ours',
];
/** Questions of a batch: few, so that the clients of a round meet the same state of the machine. */
const BATCH = 480;

/** CPU microseconds for one question, by client, one value for each round. */
export type QuestionSamples = Readonly<Record<QuestionSubject, readonly number[]>>;

/** Asks the same questions through each client, in separate processes that take turns. The answer comes at once. */
export async function measureQuestions(
  identity: Child<IdentityOperations>,
  url: string,
  rounds: number,
): Promise<QuestionSamples> {
  const children = SUBJECTS.map((subject) => {
    const process = new Child<QuestionOperations>(new URL('question-process.js', import.meta.url));
    return { subject, process, samples: [] as number[] };
  });
  await identity.call('delay', 0);
  try {
    for (const { subject, process } of children) await process.call('prepare', subject, url);
    for (let round = 0; round < rounds; round += 1) {
      for (const { process, samples } of rotated(children, round)) samples.push(await process.call('measure', BATCH));
    }
    // `fromEntries` forgets that there is one entry for each subject.
    return Object.fromEntries(children.map(({ subject, samples }) => [subject, samples])) as never;
  } finally {
    await Promise.all(children.map(({ process }) => process.stop()));
    await identity.call('delay');
  }
}
