'use strict';
// Loaded by `node --require` before the application: no connection is kept for longer than $MAX_CONNECTION_AGE_SECONDS. A client whose
// requests never pause would keep its connection to a pod that has left every Service until that pod ends, and its next request would
// be lost with it. The answer that says `Connection: close` is the one way of HTTP/1.1 to end a connection that loses none.
const { subscribe } = require('node:diagnostics_channel');

const { MAX_CONNECTION_AGE_SECONDS: text = '5' } = process.env;
const milliseconds = Number(text) * 1000;
if (!(milliseconds > 0)) {
  console.error(`MAX_CONNECTION_AGE_SECONDS is ${JSON.stringify(text)}; give a number of seconds above 0`);
  process.exit(1);
}

/** When the first request of each connection came, in milliseconds of `performance.now()`. */
const firstRequests = new WeakMap();

subscribe('http.server.request.start', ({ response, socket }) => {
  const now = performance.now();
  const first = firstRequests.get(socket) ?? now;
  firstRequests.set(socket, first);
  if (now - first >= milliseconds) response.setHeader('Connection', 'close');
});
