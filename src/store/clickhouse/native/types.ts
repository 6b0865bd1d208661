/** Names of ClickHouse's types as the Native format spells them, with their arguments. */
export interface TypeName {
  readonly name: string;
  readonly args: readonly string[];
}

/** `Map(String, Array(UInt8))` is Map of String and Array(UInt8). A tuple's element may have a name, which is left out. */
export function parseType(type: string): TypeName {
  const open = type.indexOf("(");
  if (open < 0) return { name: type, args: [] };
  const args: string[] = [];
  let depth = 0;
  let from = open + 1;
  let quote = "";
  for (let i = from; i < type.length; i++) {
    const char = type[i]!;
    if (quote !== "") {
      if (char === "\\") i++;
      else if (char === quote) quote = "";
    } else if (char === "'" || char === "`") quote = char;
    else if (char === "(") depth++;
    else if (char === ")" && depth > 0) depth--;
    else if ((char === "," && depth === 0) || i === type.length - 1) {
      args.push(type.slice(from, i).trim());
      from = i + 1;
    }
  }
  const name = type.slice(0, open);
  return { name, args: name === "Tuple" ? args.map(withoutName) : args };
}

function withoutName(element: string): string {
  return /^(?:\w+|`(?:[^`\\]|\\.)*`) (.*)$/s.exec(element)?.[1] ?? element;
}
