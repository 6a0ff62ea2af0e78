/** What a caller got at one door: `outcome` is a user id, `anonymous` or an `errorCode`; `reason` stands for no meaning. */
export type Cell = { readonly outcome: string; readonly code: string } | { readonly reason: string };

/** Groups of doors, doors, cases. */
export type DecisionTable = Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, Cell>>>>>>;

const START = '<!-- decisions: written by npm run doors:update -->';
const END = '<!-- end of decisions -->';

/** The tables of both majors of Nest as Markdown: a row for each case, a column for the transport codes of each door. */
export function decisionsMarkdown(
  nest12: DecisionTable,
  nest11: DecisionTable,
  decisions: ReadonlyMap<string, string>,
) {
  const sections = Object.entries(nest12).map(([group, doors]) => {
    const reasons: string[] = [];
    const codeIn = (table: DecisionTable, door: string, name: string) => {
      const cell = table[group]?.[door]?.[name];
      if (cell === undefined) return 'missing';
      if ('code' in cell) return cell.code;
      if (!reasons.includes(cell.reason)) reasons.push(cell.reason);
      return `n/a (${reasons.indexOf(cell.reason) + 1})`;
    };
    const rows = [...decisions].map(([name, decision]) => {
      const codes = Object.keys(doors).map((door) => {
        const [twelve, eleven] = [codeIn(nest12, door, name), codeIn(nest11, door, name)];
        return twelve === eleven ? twelve : `${twelve}; Nest 11: ${eleven}`;
      });
      return [name, decisionText(decision), ...codes];
    });
    const head = ['caller', 'decision', ...Object.keys(doors)];
    const lines = [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`);
    const notes = reasons.flatMap((reason, at) => [`${at === 0 ? '\n' : ''}(${at + 1}) ${reason}`]);
    return [`### ${group}`, '', ...lines, ...notes].join('\n');
  });
  return `${START}\n\n${sections.join('\n\n')}\n\n${END}`;
}

/** The generated part of the page. @throws Error when the page has no such part */
export function decisionsOf(page: string): string {
  const [start, end] = [page.indexOf(START), page.indexOf(END)];
  if (start < 0 || end < start) throw new Error(`the page lacks ${START} … ${END}`);
  return page.slice(start, end + END.length);
}

function decisionText(decision: string): string {
  if (decision === 'player-1') return 'admitted';
  return decision === 'anonymous' ? 'admitted as anonymous' : `\`${decision}\``;
}
