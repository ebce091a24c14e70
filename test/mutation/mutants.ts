// test/mutation/mutants.ts - the faults that one slip of a finger makes in a kernel: a comparison that takes one value too many or too few, a condition turned round.

export interface Mutant { line: number; column: number; from: string; to: string; source: string }

/** Whole operators between blanks, so that `load<u8>(p)` and `a >> 3` are none. */
const operators: readonly (readonly [string, string])[] = [
  [' < ', ' <= '], [' <= ', ' < '], [' > ', ' >= '], [' >= ', ' > '], [' == ', ' != '], [' != ', ' == '], [' === ', ' !== '], [' !== ', ' === '], [' && ', ' || '], [' || ', ' && '],
  ['.lt_s(', '.le_s('], ['.le_s(', '.lt_s('], ['.gt_s(', '.ge_s('], ['.ge_s(', '.gt_s('], ['.lt(', '.le('], ['.le(', '.lt('], ['.gt(', '.ge('], ['.ge(', '.gt('], ['.eq(', '.ne('], ['.ne(', '.eq('],
];

/** Every mutant of a source; comments and types are left alone. */
export function mutantsOf(text: string): Mutant[] {
  const lines = text.split('\n');
  const mutants: Mutant[] = [];
  lines.forEach((line, i) => {
    const comment = line.indexOf('//');
    const code = comment < 0 ? line : line.slice(0, comment);
    if (/^\s*(\*|\/\*|import|export (type|interface|\{)|type |interface )/.test(code)) return;
    for (const [from, to] of operators) {
      for (let column = code.indexOf(from); column >= 0; column = code.indexOf(from, column + from.length)) {
        const changed = line.slice(0, column) + to + line.slice(column + from.length);
        mutants.push({ line: i + 1, column, from: from.trim(), to: to.trim(), source: [...lines.slice(0, i), changed, ...lines.slice(i + 1)].join('\n') });
      }
    }
  });
  return mutants;
}
