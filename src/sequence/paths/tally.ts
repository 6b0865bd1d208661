import { Counter } from "../counter.ts";
import { rankCodes } from "../rank.ts";
import type { PathLink, PathsAnswer, PathsQuestion } from "../sequence.ts";

/** Two codes together make one key. */
const codes = 2 ** 26;

interface Node {
  readonly level: number;
  readonly code?: number;
  readonly sessions: number;
  dropOffs?: number;
}

/** Counts the links of paths, from which nodes and drop-offs follow. */
export class PathsTally {
  readonly #question: PathsQuestion;
  #sessions = 0;
  /** Sessions by the name of level 0. */
  readonly #anchors = new Counter();
  /** Sessions by the names of a level and the next, as code * codes + next code. */
  readonly #links: readonly Counter[];

  constructor(question: PathsQuestion) {
    this.#question = question;
    this.#links = Array.from({ length: question.depth }, () => new Counter());
  }

  add(names: Int32Array, start: number, end: number): void {
    this.#sessions++;
    this.#anchors.add(names[start]!);
    for (let i = start; i < end; i++) {
      if (names[i]! >= codes) throw new RangeError(`codes of names are below ${codes}`);
      if (i > start) this.#links[i - start - 1]!.add(names[i - 1]! * codes + names[i]!);
    }
  }

  finish(): PathsAnswer {
    const { depth } = this.#question;
    const nodes: Node[] = [];
    const links: PathLink[] = [];
    let counts = new Map<number, number>();
    this.#anchors.forEach((code, count) => {
      counts.set(code, count);
    });
    let nodeOf = this.#addLevel(nodes, 0, counts);
    for (let level = 1; level <= depth; level++) {
      counts = new Map();
      this.#links[level - 1]!.forEach((key, count) => {
        counts.set(key % codes, (counts.get(key % codes) ?? 0) + count);
      });
      const next = this.#addLevel(nodes, level, counts);
      links.push(...this.#linksBetween(level - 1, nodeOf, next, nodes.length));
      nodeOf = next;
    }
    for (const { source, sessions } of links) nodes[source]!.dropOffs! -= sessions;
    return { sessions: this.#sessions, nodes, links };
  }

  /** Adds a level's nodes: its first names, and other. Answers the index of each name's node. */
  #addLevel(nodes: Node[], level: number, counts: ReadonlyMap<number, number>): (code: number) => number {
    const add = (sessions: number, code?: number) =>
      nodes.push({
        level,
        ...(code === undefined ? {} : { code }),
        sessions,
        // Less the links out, once they are known.
        ...(level < this.#question.depth ? { dropOffs: sessions } : {}),
      }) - 1;
    const listed = rankCodes(counts, this.#question.names);
    const index = new Map(listed.map((code) => [code, add(counts.get(code)!, code)]));
    let rest = 0;
    for (const [code, count] of counts) if (!index.has(code)) rest += count;
    const other = rest > 0 ? add(rest) : -1;
    return (code) => index.get(code) ?? other;
  }

  #linksBetween(
    level: number,
    sourceOf: (code: number) => number,
    targetOf: (code: number) => number,
    nodes: number,
  ): PathLink[] {
    const byNodes = new Counter();
    this.#links[level]!.forEach((key, count) => {
      byNodes.add(sourceOf(Math.floor(key / codes)) * nodes + targetOf(key % codes), count);
    });
    const links: PathLink[] = [];
    byNodes.forEach((key, sessions) => {
      links.push({ source: Math.floor(key / nodes), target: key % nodes, sessions });
    });
    return links.sort((a, b) => a.source - b.source || a.target - b.target);
  }
}
