/**
 * DuckDB's binding reads texts by a decoder that takes a leading U+FEFF for a byte order mark and drops it: another text
 * than the one that was stored. It makes its decoder as it is loaded, so the store's thread imports this first.
 */
const Decoder = globalThis.TextDecoder;

globalThis.TextDecoder = class extends Decoder {
  constructor(label?: string, options?: TextDecoderOptions) {
    super(label, { ignoreBOM: true, ...options });
  }
};
