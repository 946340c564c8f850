import { ExchangeModel, type ExchangeModelOptions, type ExchangeRule, type ExchangeState } from './exchange-model.ts';

/** What an exploration of an exchange came to. */
export interface ExchangeVerdict {
  readonly states: number;
  readonly transitions: number;
  /** Steps on the longest of all shortest ways. */
  readonly depth: number;
  /** `end`: from some state that nothing forced no end can be reached without forcing it. */
  readonly broken: ExchangeRule | 'end' | undefined;
  /** The steps to where it is broken, in words. */
  readonly story: readonly string[];
}

interface Node {
  readonly from: number;
  readonly step: string;
  readonly depth: number;
  readonly forced: boolean;
  readonly ended: boolean;
}

/**
 * Every state that can be reached, breadth first, so that the story is one of the shortest; then from every state that no crash,
 * cancellation or time limit forced, whether an end can be reached without one.
 *
 * @throws RangeError when there are more states than `statesMax`.
 */
export function exploreExchange(options: ExchangeModelOptions, statesMax = 500_000): ExchangeVerdict {
  const model = new ExchangeModel(options);
  const nodes: Node[] = [];
  const before: number[][] = [];
  const numbers = new Map<string, number>();
  const open: ExchangeState[] = [];
  let transitions = 0;
  const reach = (state: ExchangeState, from: number, step: string): number => {
    const key = JSON.stringify(state);
    const known = numbers.get(key);
    if (known !== undefined) return known;
    const number = nodes.length;
    if (number >= statesMax) throw new RangeError(`more than ${statesMax} states`);
    numbers.set(key, number);
    const depth = from < 0 ? 0 : (nodes[from]?.depth ?? 0) + 1;
    nodes.push({ from, step, depth, forced: state.forced, ended: model.ended(state) });
    before.push([]);
    open.push(state);
    return number;
  };
  const verdict = (broken: ExchangeVerdict['broken'], at: number): ExchangeVerdict => {
    const story: string[] = [];
    for (let node = nodes[at]; node !== undefined && node.from >= 0; node = nodes[node.from]) story.unshift(node.step);
    const depth = nodes.at(-1)?.depth ?? 0;
    return { states: nodes.length, transitions, depth, broken, story: broken === undefined ? [] : story };
  };
  reach(model.initial(), -1, '');
  for (let at = 0; at < open.length; at++) {
    const state = open[at];
    if (state === undefined) continue;
    delete open[at];
    for (const { name, next, forced } of model.steps(state)) {
      const number = reach(next, at, name);
      if (number === at) continue;
      transitions++;
      if (next.broken !== undefined) return verdict(next.broken, number);
      if (!forced) before[number]?.push(at);
    }
  }
  const stuck = unreached(nodes, before);
  return stuck === undefined ? verdict(undefined, 0) : verdict('end', stuck);
}

/** The first state that nothing forced and from which no end can be reached. */
function unreached(nodes: readonly Node[], before: readonly (readonly number[])[]): number | undefined {
  const reaches = new Uint8Array(nodes.length);
  const queue: number[] = [];
  nodes.forEach(({ ended }, number) => {
    if (!ended) return;
    reaches[number] = 1;
    queue.push(number);
  });
  for (let number = queue.pop(); number !== undefined; number = queue.pop()) {
    for (const earlier of before[number] ?? []) {
      if (reaches[earlier] === 1) continue;
      reaches[earlier] = 1;
      queue.push(earlier);
    }
  }
  const stuck = nodes.findIndex(({ forced }, number) => !forced && reaches[number] === 0);
  return stuck < 0 ? undefined : stuck;
}
