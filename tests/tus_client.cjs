// The tus client of the protocol's authors, unchanged: node tus_client.cjs ENDPOINT FILE OPTIONS
// OPTIONS: its own, as JSON, and "stream": read the file as a stream of unknown length. It says on lines of JSON how many
// bytes it has sent, and at last where the upload is, or what went wrong.
const fs = require("node:fs");
const tus = require("tus-js-client");

const [, , endpoint, file, options] = process.argv;
const { stream, ...given } = JSON.parse(options);
const tell = (told) => process.stdout.write(JSON.stringify(told) + "\n");
const source = stream ? fs.createReadStream(file) : fs.readFileSync(file);

const upload = new tus.Upload(source, {
  endpoint,
  retryDelays: [50, 100, 200, 400, 800, 1600, 3200, 6400],
  ...given,
  onProgress: (sent) => tell({ sent }),
  onSuccess: () => undefined,
  onError: (error) => tell({ error: String(error) }),
  onUploadUrlAvailable: () => tell({ url: upload.url }),
  onAfterResponse: (request, response) =>
    tell({ method: request.getMethod(), status: response.getStatus(), note: response.getHeader("Im-Note") ?? null }),
});
upload.start();
