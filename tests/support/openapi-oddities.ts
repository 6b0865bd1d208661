/** Requests with what no document declares: other content types, broken bodies, further parameters, odd headers. */
import fc from "fast-check";
import type { RawRequest } from "./http.ts";

type Oddity = (request: RawRequest) => RawRequest;

const withHeader =
  ([name, value]: readonly [string, string]): Oddity =>
  (request) => ({ ...request, headers: { ...request.headers, [name]: value } });

const headers = fc
  .constantFrom<readonly [string, string]>(
    ["content-type", "text/plain"],
    ["content-type", "application/json; charset=utf-8"],
    ["content-type", "application/json; charset=latin1"],
    ["content-type", "application/x-www-form-urlencoded"],
    ["content-type", "multipart/form-data; boundary=x"],
    ["content-type", ""],
    ["content-encoding", "gzip"],
    ["content-encoding", "br"],
    ["accept", "application/xml"],
    ["accept-encoding", "gzip, br;q=0"],
    ["connect-timeout-ms", "x"],
    ["connect-timeout-ms", "99999999999"],
    ["x-request-id", "a b"],
    ["traceparent", "00-0"],
    ["if-none-match", "*"],
    ["range", "bytes=0-1"],
  )
  .map(withHeader);

/** The body is cut, or is another one; a request without a body gets one. */
const bodies = fc
  .oneof(
    fc.nat(40),
    fc.uint8Array({ maxLength: 40 }),
    fc.constantFrom("{", "[", "null", "{}", "[]", '{"a":', '"', "1e999", '{"\\u0000":1}', '{"a":1,"a":2}'),
  )
  .map((made): Oddity => {
    if (typeof made === "number") return (request) => ({ ...request, body: request.body?.subarray(0, made) });
    return (request) => ({ ...request, body: Buffer.from(made as string) });
  });

const parameters = fc
  .tuple(fc.string({ unit: "grapheme", maxLength: 12 }), fc.string({ unit: "grapheme", maxLength: 12 }))
  .map(([name, value]): Oddity => {
    const further = new URLSearchParams([[name.toWellFormed(), value.toWellFormed()]]);
    return ({ path, ...request }) => ({
      ...request,
      path: `${path}${path.includes("?") ? "&" : "?"}${further}`,
    });
  });

/** Broken percent-encodings, and ones of what is no UTF-8. */
const queries = fc
  .constantFrom(
    "%",
    "%zz=1",
    "a=%ff",
    "%c0%af=1",
    "=",
    "&&&",
    "a[b]=1",
    "a[b][c]=1",
    "time_range.=1",
    "a;b=1",
  )
  .map(
    (text): Oddity =>
      ({ path, ...request }) => ({ ...request, path: `${path}${path.includes("?") ? "&" : "?"}${text}` }),
  );

/** The requests, each with one or two oddities. */
export function oddly(requests: fc.Arbitrary<RawRequest>): fc.Arbitrary<RawRequest> {
  const oddity = fc.oneof(headers, bodies, parameters, queries);
  return fc
    .tuple(requests, fc.array(oddity, { minLength: 1, maxLength: 2 }))
    .map(([request, oddities]) => oddities.reduce((odd, change) => change(odd), request));
}
