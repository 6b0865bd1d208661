import { expect, it } from "vitest";
import { createPages } from "../../src/admin/pages.ts";

it("a list goes on where it was, though the last entry of the page before is gone", () => {
  const pages = createPages(Buffer.from("a secret of some length"));
  const cut = (all: readonly string[], pageToken: string) =>
    pages.cut(all, (entry) => entry, { pageSize: 2, pageToken }, ["keys"]);
  const first = cut(["a", "b", "c", "d", "e"], "");
  expect(first.page).toEqual(["a", "b"]);
  const second = cut(["a", "c", "d", "e"], first.nextPageToken);
  expect(second.page).toEqual(["c", "d"]);
  expect(cut(["a"], second.nextPageToken)).toEqual({ page: [], nextPageToken: "" });
});
