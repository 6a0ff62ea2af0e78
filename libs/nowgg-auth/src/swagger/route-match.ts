import type { RoutePosture } from '../audit/posture.js';

/** A handler's place among the addresses of an application. */
interface Place {
  readonly route: RoutePosture;
  readonly method: string;
  /** The path without the global prefix, a placeholder for each parameter. */
  readonly segments: readonly string[];
  readonly versions: readonly string[];
}

const PARAMETER = ':';

/**
 * Finds the handler of an operation by its method and path. An operation's path may have the global prefix and a version
 * in front of the handler's own path. Of several handlers the one with the longest path counts, then one with the version.
 */
export class RouteMatch {
  readonly #places: readonly Place[];
  readonly #prefix: readonly string[];

  constructor(routes: readonly RoutePosture[], globalPrefix: string) {
    this.#prefix = segmentsOf(globalPrefix);
    this.#places = routes.filter(({ kind }) => kind === 'http').flatMap((route) => this.#placesOf(route));
  }

  find(method: string, path: string): RoutePosture | undefined {
    const segments = segmentsOf(path);
    const found = this.#places
      .filter((place) => place.method === 'ALL' || place.method === method.toUpperCase())
      .map((place) => ({ place, head: headOf(segments, place.segments) }))
      .filter(({ head }) => head !== undefined && this.#isHead(head));
    const weightOf = ({ place, head }: (typeof found)[number]) =>
      2 * place.segments.length +
      (place.versions.some((version) => head?.some((part) => part.endsWith(version))) ? 1 : 0);
    return found.toSorted((a, b) => weightOf(b) - weightOf(a))[0]?.place.route;
  }

  #placesOf(route: RoutePosture): Place[] {
    const [, method = '', rest = ''] = /^(\S+) (.*)$/.exec(route.address) ?? [];
    const end = rest.indexOf(' v', rest.lastIndexOf('/'));
    const [paths, versions] = end < 0 ? [rest, ''] : [rest.slice(0, end), rest.slice(end + 2)];
    return paths.split(', ').map((path) => {
      const segments = segmentsOf(path);
      const hasPrefix = this.#prefix.every((part, at) => segments[at] === part);
      return {
        route,
        method,
        segments: hasPrefix ? segments.slice(this.#prefix.length) : segments,
        versions: versions === '' ? [] : versions.split(', v'),
      };
    });
  }

  /** Whether segments can stand in front of a handler's path: the global prefix, if any, and one version at most. */
  #isHead(head: readonly string[]): boolean {
    const hasPrefix = this.#prefix.length > 0 && this.#prefix.every((part, at) => head[at] === part);
    return head.length - (hasPrefix ? this.#prefix.length : 0) <= 1;
  }
}

/** The segments before the tail; undefined when the segments do not end with it. */
function headOf(segments: readonly string[], tail: readonly string[]): readonly string[] | undefined {
  const length = segments.length - tail.length;
  return length >= 0 && tail.every((part, at) => segments[length + at] === part)
    ? segments.slice(0, length)
    : undefined;
}

/** `:id`, `{id}` and `*rest` are all parameters. */
function segmentsOf(path: string): string[] {
  return path
    .split('/')
    .filter((part) => part !== '')
    .map((part) => (/^[:{*]/.test(part) ? PARAMETER : part));
}
