// The article's two forms, as a page in a browser sends them: node forms.mjs URL BYTES PART_SIZE
const [url, length, size] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const sound = new Uint8Array(length).map((_, index) => (index * 31 + (index >> 8)) & 255);
const say = (value) => console.log(JSON.stringify(value));

async function post(fields, name, bytes) {
  const form = new FormData();
  for (const [key, value] of Object.entries(fields)) form.append(key, value);
  form.append(name, new Blob([bytes], { type: "audio/ogg" }), "note.ogg");
  const answer = await fetch(`${url}/upload`, { method: "POST", body: form });
  return { status: answer.status, told: await answer.json() };
}

say(await post({ room: "hall", sender: "node" }, "file", sound));

const total = Math.ceil(length / size);
const part = (index) =>
  post(
    { fileId: "of-node", chunkIndex: index, totalChunks: total, chunkSize: size, room: "hall", sender: "node" },
    "data",
    sound.subarray(index * size, (index + 1) * size),
  );
await Promise.all([...Array(total).keys()].filter((index) => index % 3).map(part)); // some are lost on the way
const { missing } = await (await fetch(`${url}/upload/of-node`)).json();
say(missing);
const answers = await Promise.all(missing.map(part));
say(answers.filter(({ status }) => status === 201));
