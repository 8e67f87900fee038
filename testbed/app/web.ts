import { createServer } from 'node:http';
import { crashIfAsked, faultFor } from './fault.ts';

// The web front end as the cluster sees it: one page, and no health route.
process.on('SIGTERM', () => process.exit(0));

const version = process.env.APP_VERSION ?? 'unknown';

const page = (version: string): string => `<!doctype html>
<html lang="en">
<head><title>MoneyWise</title><meta name="version" content="${version}"></head>
<body><h1>MoneyWise</h1></body>
</html>
`;

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url ?? '/', 'http://web');
  const send = (status: number, body: string) => {
    response.writeHead(status, { 'content-type': 'text/html; charset=utf-8' });
    response.end(body);
  };
  if (pathname !== '/') return send(404, '<!doctype html><title>404</title>');
  const fault = await faultFor(request.headers.host);
  if (fault === 'unready') return send(503, '<!doctype html><title>Starting</title>');
  if (fault === 'http-500' || fault === 'status-error') return send(500, '<!doctype html><title>Error</title>');
  if (fault === 'not-json') return send(200, '<!doctype html><title>Sign in</title>');
  send(200, page(fault === 'wrong-version' ? 'v0' : version));
});

server.listen(3000, () => console.log(`web ${version} listens on 3000`));
crashIfAsked();
