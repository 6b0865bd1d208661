/** Statements as ClickHouse takes them: parameters in the request, each with its type. */
import type { Param, Statement } from "../sql/fragment.ts";

export interface BoundQuery {
  readonly query: string;
  /** By name; the URL carries them. */
  readonly params: Readonly<Record<string, string>>;
}

/** Bytes of parameters in one URL, of which proxies take about 8 KiB. */
const maxUrlBytes = 4096;

const placeholder = /\{p(\d+):(String|UInt64|Int64)\}/g;

/** @param prefix of the parameters' names, which tells those of several statements apart */
export function bind({ sql, params }: Statement, prefix = "p"): BoundQuery {
  const values = params.map(textOf);
  const bytes = values.reduce((sum, value) => sum + encodeURIComponent(value).length, 0);
  if (bytes > maxUrlBytes) {
    return {
      query: sql.replace(placeholder, (_, index, type) => literal(type, values[index - 1]!)),
      params: {},
    };
  }
  return {
    query: sql.replace(placeholder, (_, index, type) => `{${prefix}${index}:${type}}`),
    params: Object.fromEntries(values.map((value, index) => [`${prefix}${index + 1}`, value])),
  };
}

/**
 * One statement that answers several on one state of the data: a row with a column for each, an array of its rows as
 * tuples.
 */
export function together(statements: readonly Statement[]): BoundQuery {
  const bound = statements.map((statement, i) => bind(statement, `s${i}p`));
  const selects = bound.map(
    ({ query }, i) => `(SELECT groupArray(tuple(*)) AS rows${i} FROM (${query}) AS s${i}) AS a${i}`,
  );
  return {
    query: `SELECT * FROM ${selects.join(" CROSS JOIN ")}`,
    params: Object.assign({}, ...bound.map(({ params }) => params)),
  };
}

const bits = new DataView(new ArrayBuffer(8));

function textOf(param: Param): string {
  switch (param.type) {
    case "text":
      return param.value;
    case "int64":
      return String(param.value);
    case "double":
      bits.setFloat64(0, param.value);
      return String(bits.getBigUint64(0));
  }
}

/** A value in the text itself, in letters that can be nothing else. */
function literal(type: string, value: string): string {
  return type === "String"
    ? `base64Decode('${Buffer.from(value).toString("base64")}')`
    : `CAST('${BigInt(value)}' AS ${type})`;
}
