import { runCommand } from './run.js';

process.exitCode = await runCommand(process.argv.slice(2), {
  variables: process.env,
  terminal: {
    print: (text) => void process.stdout.write(text),
    complain: (text) => void process.stderr.write(text),
    overwrites: process.stderr.isTTY,
  },
  interruption: () => {
    const stopping = new AbortController();
    // Once: whoever presses Ctrl-C again does not want to wait for the batch.
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopping.abort());
    return stopping.signal;
  },
});
