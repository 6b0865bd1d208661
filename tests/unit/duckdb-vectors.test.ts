/** Columns that are written straight into DuckDB's memory come back as they were, by the binding's own way to read. */
import "../../src/store/duckdb/whole-texts.ts";
import {
  BIGINT,
  DOUBLE,
  type DuckDBConnection,
  DuckDBDataChunk,
  DuckDBInstance,
  type DuckDBType,
  INTEGER,
  MAP,
  UUID,
  VARCHAR,
} from "@duckdb/node-api";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { chunkRows, createVectors, type Vectors } from "../../src/store/duckdb/vectors.ts";

let instance: DuckDBInstance;
let connection: DuckDBConnection;

beforeAll(async () => {
  instance = await DuckDBInstance.create(":memory:", { threads: "1" });
  connection = await instance.connect();
});
afterAll(() => {
  connection.closeSync();
  instance.closeSync();
});

/** Appends parts to a new table by one chunk that is filled again for each, and answers its rows in their order. */
async function written<R>(
  types: readonly DuckDBType[],
  parts: readonly (readonly R[])[],
  write: (vectors: Vectors, rows: readonly R[]) => void,
): Promise<unknown[][]> {
  const columns = types.map((type, i) => `c${i} ${type}`);
  await connection.run(`CREATE OR REPLACE TABLE t (${columns.join(", ")})`);
  const appender = await connection.createAppender("t");
  const chunk = DuckDBDataChunk.create(types);
  const vectors = createVectors(chunk);
  for (const rows of parts) {
    chunk.reset();
    chunk.rowCount = rows.length;
    write(vectors, rows);
    appender.appendDataChunk(chunk);
  }
  appender.closeSync();
  return (await connection.runAndReadAll("SELECT * FROM t ORDER BY rowid")).getRows();
}

const parts = <T>(value: fc.Arbitrary<T>) =>
  fc.array(fc.array(value, { minLength: 1, maxLength: 70 }), { minLength: 1, maxLength: 4 });
/** Around the length up to which a text stands in its vector. */
const text = fc.oneof(
  fc.string({ maxLength: 14 }),
  fc.string({ unit: "binary", maxLength: 14 }),
  fc.string({ minLength: 40, maxLength: 60 }),
);
const orNull = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null });

it("writes texts of every kind", async () => {
  await fc.assert(
    fc.asyncProperty(parts(orNull(text)), async (texts) => {
      const rows = await written([VARCHAR], texts, (vectors, some) => vectors.texts(0, (row) => some[row]!));
      expect(rows).toEqual(texts.flat().map((one) => [one]));
      // As the engine itself sees them: what a short text leaves over must not tell equal ones apart.
      const found = await connection.runAndReadAll("SELECT count(DISTINCT c0) FROM t");
      expect(Number(found.getRows()[0]![0])).toBe(new Set(texts.flat().filter((one) => one !== null)).size);
    }),
    { numRuns: 50 },
  );
});

it("writes canonical UUIDs as such, and all other ids as texts", async () => {
  const uuid = fc.uuid();
  const nearly = fc.oneof(
    uuid.map((one) => one.toUpperCase()),
    uuid.map((one) => one.replaceAll("-", "")),
    uuid.map((one) => `${one.slice(0, 7)}-${one.slice(7, 8)}${one.slice(9)}`),
    uuid.map((one) => `${one.slice(0, 35)}g`),
    uuid.map((one) => `${one.slice(0, 9)}-${one.slice(10)}`),
    uuid.map((one) => `${one.slice(0, 35)}\u{ff11}`),
    text,
  );
  const isUuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
  await fc.assert(
    fc.asyncProperty(parts(fc.oneof(uuid, nearly)), async (ids) => {
      const rows = await written([UUID, VARCHAR], ids, (vectors, some) =>
        vectors.ids(0, 1, (row) => some[row]!),
      );
      const seen = rows.map(([asUuid, asText]) => [asUuid === null ? null : String(asUuid), asText]);
      expect(seen).toEqual(ids.flat().map((id) => (isUuid.test(id) ? [id, null] : [null, id])));
      const sorted = await connection.runAndReadAll(
        "SELECT CAST(c0 AS VARCHAR) FROM t WHERE c1 IS NULL ORDER BY c0",
      );
      expect(sorted.getRows().map(([id]) => id)).toEqual(
        ids
          .flat()
          .filter((id) => isUuid.test(id))
          .sort(),
      );
    }),
    { numRuns: 50 },
  );
});

it("writes numbers to the last digit, and empty maps", async () => {
  const number = fc.record({
    integer: fc.integer(),
    bigint: fc.maxSafeInteger(),
    double: orNull(fc.double({ noNaN: true })),
  });
  const types = [INTEGER, BIGINT, DOUBLE, MAP(VARCHAR, DOUBLE)];
  await fc.assert(
    fc.asyncProperty(parts(number), async (numbers) => {
      const rows = await written(types, numbers, (vectors, some) => {
        vectors.integers(0, (row) => some[row]!.integer);
        vectors.bigints(1, (row) => some[row]!.bigint);
        vectors.doubles(2, (row) => some[row]!.double);
        vectors.emptyMaps(3);
      });
      expect(rows.map((row) => row.slice(0, 3))).toEqual(
        numbers.flat().map(({ integer, bigint, double }) => [integer, BigInt(bigint), double]),
      );
      const found = await connection.runAndReadAll("SELECT max(cardinality(c3)) FROM t");
      expect(Number(found.getRows()[0]![0])).toBe(0);
    }),
    { numRuns: 50 },
  );
});

it("fills a chunk up to its last row, and forgets what was NULL in the one before", async () => {
  const full = Array.from({ length: chunkRows }, (_, row) => (row % 3 === 0 ? null : `text number ${row}`));
  const next = full.map((_, row) => `${row}`);
  const rows = await written([VARCHAR], [full, next], (vectors, some) =>
    vectors.texts(0, (row) => some[row]!),
  );
  expect(rows.flat()).toEqual([...full, ...next]);
});
