import { existsSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { type Document, documents, prose, root } from './markdown.js';

/** The anchors that a rendered Markdown document offers: one for each heading, numbered when it repeats. */
function anchorsOf(document: Document): Set<string> {
  const seen = new Map<string, number>();
  const headings = [...headingText(document).matchAll(/^#{1,6}\s+(.+?)\s*#*$/gm)].map((match) => match[1] ?? '');
  return new Set(
    headings.map((heading) => {
      const plain = heading.replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase();
      const slug = plain.replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-');
      const count = seen.get(slug) ?? 0;
      seen.set(slug, count + 1);
      return count === 0 ? slug : `${slug}-${count}`;
    }),
  );
}

const hasAnchor = (document: Document, anchor: string | undefined) =>
  anchor === undefined || anchorsOf(document).has(decodeURIComponent(anchor));

/** Headings keep the text of their code spans, which {@link prose} removes; fenced comments are no headings. */
function headingText({ text }: Document): string {
  return text.replace(/^( *)(```+|~~~+)[\s\S]*?^\1\2\s*$/gm, '');
}

function linksOf(document: Document): string[] {
  const text = prose(document);
  const inline = [...text.matchAll(/\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)/g)].map((match) => match[1] ?? '');
  const references = [...text.matchAll(/^\[[^\]]+\]:\s*(\S+)/gm)].map((match) => match[1] ?? '');
  return [...inline, ...references];
}

function brokenLinks(document: Document): string[] {
  return linksOf(document).filter((link) => {
    if (/^[a-z][a-z+.-]*:/i.test(link)) return false;
    const [target = '', anchor] = link.split('#');
    if (target === '') return !hasAnchor(document, anchor);
    const file = path.posix.join(path.posix.dirname(document.file), target);
    const onDisk = path.join(root, file);
    if (file.startsWith('..') || !existsSync(onDisk)) return true;
    if (statSync(onDisk).isDirectory()) return false;
    return !hasAnchor({ file, text: readFileSync(onDisk, 'utf8') }, anchor);
  });
}

describe('the links of the documents', () => {
  it('lead to files and headings of the repository', () => {
    const broken = documents().flatMap((document) => brokenLinks(document).map((link) => `${document.file}: ${link}`));
    expect(broken).toEqual([]);
  });

  it('are found out when they lead nowhere', () => {
    const text = '# One `two`: three\n\n[a](#one-two-three) [b](package.json) [c](none.md) [d](#none) `[e](none.md)`\n';
    expect(brokenLinks({ file: 'trial.md', text })).toEqual(['none.md', '#none']);
  });
});
