import { describe, expect, it } from "vitest";
import { parseFilter } from "../../src/filter/parse.ts";
import { createDuckdbDialect } from "../../src/store/duckdb/dialect.ts";
import { filterSql } from "../../src/store/sql/filter.ts";
import { double, int64, join, render, sql, text, trusted } from "../../src/store/sql/fragment.ts";

const duckdbDialect = createDuckdbDialect([]);
const placeholder = (index: number, type: string) => `$${index}:${type}`;

function statement(source: string) {
  const { sql, params } = render(filterSql(parseFilter(source), duckdbDialect), placeholder);
  return { sql, values: params.map(({ value }) => value) };
}

describe("a fragment", () => {
  it("numbers parameters in the order of the text, through every nesting", () => {
    const inner = sql`b = ${double(2)} OR ${trusted("c")} = ${int64(3)}`;
    const list = join([text("x"), sql`d`, text("y")], ", ");
    const { sql: written, params } = render(
      sql`a = ${text("1")} AND (${inner}) AND e IN (${list})`,
      placeholder,
    );
    expect(written).toBe("a = $1:text AND (b = $2:double OR c = $3:int64) AND e IN ($4:text, d, $5:text)");
    expect(params.map(({ value }) => value)).toEqual(["1", 2, 3n, "x", "y"]);
  });

  it("may be empty", () => {
    expect(render(join([], ", "), placeholder)).toEqual({ sql: "", params: [] });
    expect(render(sql`${join([], ",")}${text("a")}`, placeholder).sql).toBe("$1:text");
  });
});

describe("filterSql", () => {
  it("binds every key and value, whatever is in it", () => {
    const evil = "'; DROP TABLE events; --";
    const sources = [
      `name == "${evil}"`,
      `properties["${evil}"].startsWith("${evil}")`,
      `name in ["${evil}", "x"]`,
      `"${evil}" in properties`,
      `measures["${evil}"] > 1`,
      `name.matches("${evil}")`,
    ];
    for (const source of sources) {
      const { sql, values } = statement(source);
      expect(sql).not.toContain("DROP");
      expect(values.some((value) => String(value).includes(evil))).toBe(true);
    }
  });

  it("compares the bare time column, so that blocks of the table can be left out", () => {
    expect(statement('timestamp("2024-01-01T00:00:00Z") <= timestamp')).toEqual({
      sql: "(timestamp_us >= $1:int64)",
      values: [1_704_067_200_000_000n],
    });
  });

  it("spells each part once, so that its size grows with that of the filter", () => {
    const nested = (levels: number) => `${"1 / (1 + ".repeat(levels)}measures.a${")".repeat(levels)} > 1`;
    const growth = statement(nested(20)).sql.length / statement(nested(10)).sql.length;
    expect(growth).toBeLessThan(2.1);
  });
});
