// The reference server of tus by its authors, on a directory: node tus_server.cjs PORT DIRECTORY (0: a free port)
const { Server } = require("@tus/server");
const { FileStore } = require("@tus/file-store");

const [, , port, directory] = process.argv;
const server = new Server({ path: "/files", datastore: new FileStore({ directory }) });
const listening = server.listen({ host: "127.0.0.1", port: Number(port) }, () => console.log(listening.address().port));
