import { runCommand } from './run.js';

/** Time after a signal during which the same signal is ignored, in milliseconds. */
const REPEATED_SIGNAL_MS = 1_000;

process.exitCode = await runCommand(process.argv.slice(2), {
  variables: process.env,
  terminal: {
    print: (text) => void process.stdout.write(text),
    complain: (text) => void process.stderr.write(text),
    overwrites: process.stderr.isTTY,
  },
  interruption: () => {
    const stopping = new AbortController();
    const stop = () => {
      stopping.abort();
      // Not at once: npx repeats the signal that the terminal has sent to both. After that, Ctrl-C ends the process.
      setTimeout(() => process.off('SIGINT', stop).off('SIGTERM', stop), REPEATED_SIGNAL_MS).unref();
    };
    process.on('SIGINT', stop).on('SIGTERM', stop);
    return stopping.signal;
  },
});
