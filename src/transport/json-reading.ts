/**
 * How connect-es reads JSON, of every protocol that carries it: what is unknown is refused, and so is what its decoder
 * would take for something else, bytes that are no UTF-8 and days that no calendar has.
 */
import type { DescMessage } from "@bufbuild/protobuf";
import { impossibleDaysOfText } from "../contract/json-days.ts";
import { contractRegistry } from "../contract/registry.ts";

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** connect-es gives the bytes of each message to the text decoder, and parses what that returns. */
export function jsonOptionsOf(desc: DescMessage) {
  const decode = (bytes: Uint8Array): string => {
    const text = utf8.decode(bytes);
    const [wrong] = impossibleDaysOfText(desc, text);
    // In the words of the decoder, so that it is explained as all that does not decode.
    if (wrong) throw new Error(`cannot decode ${desc} from JSON: ${wrong.field}: ${wrong.message}`);
    return text;
  };
  return { ignoreUnknownFields: false, registry: contractRegistry, textDecoder: { decode } };
}
