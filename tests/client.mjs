// A client written from voice.proto and RFC 6455 alone, on Node's own WebSocket: node client.mjs WS ROOM
// It waits for one note, says what it holds, sends the same audio back under its own name, and says what was answered.
import { createHash } from "node:crypto";

const [, , server, room] = process.argv;
const text = new TextEncoder(), words = new TextDecoder();

function varint(value) {
  const out = [];
  for (let left = BigInt(value); ; left >>= 7n) {
    out.push(Number(left & 127n) | (left > 127n ? 128 : 0));
    if (left <= 127n) return out;
  }
}
const join = (parts) => Uint8Array.from(parts.flatMap((part) => [...part]));
const number = (field, value) => [...varint(field << 3), ...varint(value)];
const bytes = (field, value) => join([varint((field << 3) | 2), varint(value.length), value]);
const string = (field, value) => bytes(field, text.encode(value));

function fields(data) {
  const found = {};
  let at = 0;
  const read = () => {
    let value = 0n, shift = 0n;
    for (;;) {
      const byte = data[at++];
      value |= BigInt(byte & 127) << shift;
      shift += 7n;
      if (byte < 128) return Number(value);
    }
  };
  while (at < data.length) {
    const key = read();
    if ((key & 7) === 0) found[key >> 3] = read();
    else { const size = read(); found[key >> 3] = data.subarray(at, at + size); at += size; }
  }
  return found;
}

const socket = new WebSocket(`${server}/ws`);
socket.binaryType = "arraybuffer";
const say = (kind, ...parts) => socket.send(bytes(kind, join(parts)));
let head, audio = [], held = 0;

socket.onopen = () => say(1, number(1, 1), string(2, "node"));
socket.onmessage = ({ data }) => {
  const envelope = fields(new Uint8Array(data));
  if (envelope[2]) say(3, string(1, room), number(2, 0)); // welcome: join after 0
  if (envelope[15] && !head) { head = fields(envelope[15]); take(head[15]); }
  if (envelope[14]) take(fields(envelope[14])[15]);
  if (envelope[6]) { const ack = fields(envelope[6]); tell({ acknowledged: words.decode(ack[1]), sequence: ack[3] }); socket.close(); }
  if (envelope[7]) { tell({ refused: words.decode(fields(envelope[7])[3]) }); socket.close(); }
};

function take(piece) {
  audio.push(piece);
  held += piece.length;
  if (held < head[10]) return;
  const whole = new Uint8Array(Buffer.concat(audio));
  tell({ id: words.decode(head[4]), sequence: head[7], sha256: createHash("sha256").update(whole).digest("hex") });
  const id = string(4, "0".repeat(32));
  const note = [number(1, head[1]), number(2, head[2]), bytes(3, head[3]), id, string(5, "node"), string(6, room),
    bytes(8, head[8]), bytes(9, head[9]), number(10, whole.length)];
  say(15, ...note, bytes(15, whole.subarray(0, 65536)));
  for (let start = 65536; start < whole.length; start += 65536)
    say(14, string(1, "0".repeat(32)), number(2, start), bytes(15, whole.subarray(start, start + 65536)));
}

function tell(what) { console.log(JSON.stringify(what)); }
