"""Bodies in an object store over HTTP/1.1, blocking and awaited: GET and PUT /objects/SHA256."""
