/**
 * Checks that a body of enveloped messages (five bytes of flags and length before each) ends where a message ends.
 * connect-es takes a body that ends right behind a message's head for one without that message.
 */
export function createEnvelopeCheck(): { read(chunk: Uint8Array): void; readonly complete: boolean } {
  const headSize = 5;
  const head = new Uint8Array(headSize);
  let inHead = 0;
  let left = 0;
  return {
    read: (chunk) => {
      for (let at = 0; at < chunk.length; ) {
        if (left > 0) {
          const step = Math.min(left, chunk.length - at);
          left -= step;
          at += step;
          continue;
        }
        head[inHead++] = chunk[at++]!;
        if (inHead < headSize) continue;
        inHead = 0;
        left = new DataView(head.buffer).getUint32(1);
      }
    },
    get complete() {
      return inHead === 0 && left === 0;
    },
  };
}
