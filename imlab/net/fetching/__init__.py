"""Our side of HTTP/1.1: connections kept by a pool, uploads that go on, files heard as they come."""
