/** Paths word by word as SEMANTICS defines them, in plain loops. */
import { byBytes, type Event, type Predicate } from "./events.ts";
import { sessionsOf } from "./sessions.ts";

export interface Paths {
  readonly direction: "after" | "before";
  /** Absent: the first event, or the last. */
  readonly anchor?: Predicate;
  readonly scope: "user" | { readonly gapUs: number };
  readonly depth: number;
  readonly limit: number;
  readonly keepRepeats: boolean;
}

const other = Symbol("other");
type Name = string | typeof other;

/** Nodes by level, then sessions, then bytes, other last; links by source and target. A name of undefined is other. */
export function paths(events: readonly Event[], question: Paths) {
  const { depth, limit } = question;
  const all = pathsOf(events, question);
  const atLevel = (level: number) => all.flatMap((path) => path.slice(level, level + 1));
  const listed = Array.from({ length: depth + 1 }, (_, level) => {
    const names = atLevel(level);
    const count = (name: string) => names.filter((one) => one === name).length;
    return [...new Set(names)].sort((a, b) => count(b) - count(a) || byBytes(a, b)).slice(0, limit);
  });
  const folded: Name[][] = all.map((path) =>
    path.map((name, level) => (listed[level]!.includes(name) ? name : other)),
  );
  const keys = listed.flatMap((names, level): { level: number; name: Name }[] => [
    ...names.map((name) => ({ level, name })),
    ...(folded.some((path) => path[level] === other) ? [{ level, name: other } as const] : []),
  ]);
  const nodes = keys.map(({ level, name }) => {
    const passing = folded.filter((path) => path[level] === name);
    return {
      level,
      name: name === other ? undefined : name,
      sessions: passing.length,
      dropOffs: level < depth ? passing.filter((path) => path.length === level + 1).length : undefined,
    };
  });
  const links = keys.flatMap((from, source) =>
    keys.flatMap((to, target) => {
      if (to.level !== from.level + 1) return [];
      const sessions = folded.filter(
        (path) => path[from.level] === from.name && path[to.level] === to.name,
      ).length;
      return sessions > 0 ? [{ source, target, sessions }] : [];
    }),
  );
  return { sessions: all.length, nodes, links };
}

/** The names of each session that has the anchor, from level 0 on, at most `depth` after it. */
export function pathsOf(events: readonly Event[], question: Paths): string[][] {
  const { scope, direction, depth, keepRepeats } = question;
  const users = [...new Set(events.map((event) => event.userId))];
  const sessions =
    scope === "user"
      ? users.map((user) => events.filter((event) => event.userId === user))
      : sessionsOf(events, scope.gapUs);
  return sessions.flatMap((session) => {
    let ordered = [...session].sort(
      (a, b) => a.timestampUs - b.timestampUs || byBytes(a.name, b.name) || byBytes(a.id, b.id),
    );
    if (direction === "before") ordered = ordered.reverse();
    const anchor = ordered.findIndex(question.anchor ?? (() => true));
    if (anchor < 0) return [];
    let names = ordered.slice(anchor).map((event) => event.name);
    if (!keepRepeats) names = names.filter((name, i) => i === 0 || name !== names[i - 1]);
    return [names.slice(0, depth + 1)];
  });
}
