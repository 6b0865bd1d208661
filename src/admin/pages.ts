/** Pages of a list that is in memory and sorted: a token names the place of the last entry of the page before. */
import { pageSizeOf } from "../domain/page-size.ts";
import { createSeal } from "../domain/seal.ts";

export interface PageRequest {
  readonly pageSize: number;
  readonly pageToken: string;
}

export interface Pages {
  /**
   * @param placeOf what the list is sorted by, which differs for each entry
   * @param hidden entries that are passed over
   * @param context whatever must be as it was when the token was given: whose list it is, and of what
   * @throws WeirError INVALID_ARGUMENT/INVALID_TOKEN
   */
  cut<T>(
    all: readonly T[],
    placeOf: (entry: T) => string,
    request: PageRequest,
    context: unknown,
    hidden?: (entry: T) => boolean,
  ): { page: readonly T[]; nextPageToken: string };
}

export function createPages(secret: Uint8Array): Pages {
  const refusal = "it was not given for this list: all other fields must be as they were";
  const seal = createSeal({ secret, purpose: "admin-page", field: "page_token", refusal });
  return {
    cut(all, placeOf, { pageSize, pageToken }, context, hidden = () => false) {
      const last = pageToken === "" ? "" : seal.open(pageToken, context).toString();
      // That entry may be gone.
      const rest = all.filter((entry) => placeOf(entry) > last && !hidden(entry));
      const page = rest.slice(0, pageSizeOf(pageSize));
      const end = page.at(-1);
      const more = end !== undefined && rest.length > page.length;
      return { page, nextPageToken: more ? seal.close(Buffer.from(placeOf(end)), context) : "" };
    },
  };
}
