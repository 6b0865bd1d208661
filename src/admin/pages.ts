/** Pages of a list that is in memory and sorted: a token names the last entry of the page before. */
import { pageSizeOf } from "../domain/page-size.ts";
import { createSeal } from "../domain/seal.ts";

export interface PageRequest {
  readonly pageSize: number;
  readonly pageToken: string;
}

export interface Pages {
  /**
   * @param nameOf what an entry is known by
   * @param hidden entries that are passed over
   * @param context whatever must be as it was when the token was given: whose list it is, and of what
   * @throws WeirError INVALID_ARGUMENT/INVALID_TOKEN
   */
  cut<T>(
    all: readonly T[],
    nameOf: (entry: T) => string,
    request: PageRequest,
    context: unknown,
    hidden?: (entry: T) => boolean,
  ): { page: readonly T[]; nextPageToken: string };
}

export function createPages(secret: Uint8Array): Pages {
  const refusal = "it was not given for this list: all other fields must be as they were";
  const seal = createSeal({ secret, purpose: "admin-page", field: "page_token", refusal });
  return {
    cut(all, nameOf, { pageSize, pageToken }, context, hidden = () => false) {
      const last = pageToken === "" ? undefined : seal.open(pageToken, context).toString();
      // Entries are never taken out of these lists, so that the last one is still there.
      const start = last === undefined ? 0 : all.findIndex((entry) => nameOf(entry) === last) + 1;
      const rest = all.slice(start).filter((entry) => !hidden(entry));
      const page = rest.slice(0, pageSizeOf(pageSize));
      const end = page.at(-1);
      const more = end !== undefined && rest.length > page.length;
      return { page, nextPageToken: more ? seal.close(Buffer.from(nameOf(end)), context) : "" };
    },
  };
}
