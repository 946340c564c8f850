import { describe, expect, it } from 'vitest';
import { brokenLinks, documents } from './markdown.ts';

describe('links', () => {
  it.each(documents)('of %s lead to files and headings that exist', (path) => {
    expect(brokenLinks(path)).toEqual([]);
  });
});
