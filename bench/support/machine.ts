import { cpus } from 'node:os';

/** Describes the machine that the figures were measured on, in one line. */
export function describeMachine(): string {
  const cores = cpus();
  const model = cores[0]?.model.trim() ?? 'unknown processor';
  return `Node ${process.versions.node}, ${cores.length} x ${model}, ${process.platform} ${process.arch}`;
}
