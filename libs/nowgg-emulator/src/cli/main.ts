import { runCommand } from './run.js';

const result = await runCommand(process.argv.slice(2), {
  print: (text) => void process.stdout.write(text),
  complain: (text) => void process.stderr.write(text),
});

if ('exitCode' in result) {
  process.exitCode = result.exitCode;
} else {
  const close = () => void result.emulator.close();
  process.once('SIGINT', close);
  process.once('SIGTERM', close);
}
