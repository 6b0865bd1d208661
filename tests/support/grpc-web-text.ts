import type { Transport } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";

const text = "application/grpc-web-text";

/** gRPC-Web in base64, as the client of google's grpc-web speaks it: connect-web's own client over a fetch that wraps it. */
export function createGrpcWebTextTransport(baseUrl: string): Transport {
  return createGrpcWebTransport({ baseUrl, fetch: fetchInBase64 });
}

const fetchInBase64: typeof fetch = async (input, init) => {
  const headers = new Headers(init?.headers);
  headers.set("content-type", text);
  headers.set("accept", text);
  const sent = new Uint8Array(await new Response(init?.body ?? null).arrayBuffer());
  const answer = await fetch(input, { ...init, headers, body: Buffer.from(sent).toString("base64") });
  const type = answer.headers.get("content-type");
  if (type !== `${text}+proto`) throw new Error(`the answer's content type is ${type}`);
  const received = decodePieces(await answer.text());
  const answered = new Headers(answer.headers);
  answered.set("content-type", "application/grpc-web+proto");
  return new Response(received, { status: answer.status, headers: answered });
};

/** Each piece of an answer may be padded by itself. */
function decodePieces(encoded: string): Buffer<ArrayBuffer> {
  return Buffer.concat((encoded.match(/[^=]+=*/g) ?? []).map((piece) => Buffer.from(piece, "base64")));
}
