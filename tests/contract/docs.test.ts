import { expect, test } from "vitest";
import { staleDocuments } from "../../scripts/docs-tables.ts";

test("the tables of the documents say what the code says", async () => {
  expect((await staleDocuments()).map(({ document }) => document)).toEqual([]);
});
