// An OpenID-certified authorization server, configured by one line of JSON on standard input.
//
// It announces itself as one line of JSON on standard output and ends when standard input does, so
// that it never outlives the tests. What the server has to say goes to standard error.
import * as crypto from 'node:crypto';
import * as http from 'node:http';
import * as https from 'node:https';
import { createRequire } from 'node:module';
import * as path from 'node:path';
import * as readline from 'node:readline';
import { pathToFileURL } from 'node:url';

const LOOPBACK = '127.0.0.1';
console.info = console.error;
console.log = console.error;

// Resolved from where npm installed it, which is not where this file stands.
const require = createRequire(path.join(process.cwd(), 'package.json'));
const entry = require.resolve('oidc-provider');
const { Provider, errors } = await import(pathToFileURL(entry));

// What a test may ask about, or change while the server runs.
const state = { tokens: new Map(), jwts: new Set(), requests: [], requireNonce: false };

class Storage {
  static #values = new Map();

  constructor(model) {
    this.values = model === 'ClientCredentials' ? state.tokens : Storage.#values;
    this.prefix = `${model}:`;
  }

  async upsert(id, payload) { this.values.set(this.prefix + id, payload); }

  async find(id) { return this.values.get(this.prefix + id); }

  async destroy(id) { this.values.delete(this.prefix + id); }

  async consume(id) { this.values.get(this.prefix + id).consumed = Date.now() / 1000; }

  async revokeByGrantId() {}

  async findByUid() { return undefined; }
}

function signingKeys() {
  const pairs = [
    ['RS256', crypto.generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['ES256', crypto.generateKeyPairSync('ec', { namedCurve: 'P-256' })],
  ];
  return pairs.map(([alg, { privateKey }]) => (
    { ...privateKey.export({ format: 'jwk' }), alg, use: 'sig', kid: alg }
  ));
}

function resourceServer(settings, identifier) {
  const known = settings.resources[identifier];
  if (!known) throw new errors.InvalidTarget();
  return {
    scope: settings.scopes.join(' '),
    audience: identifier,
    accessTokenFormat: known.format,
    ...(known.format === 'jwt' && { jwt: { sign: { alg: 'ES256' } } }),
  };
}

// RFC 8705 §2.1.2: a subject alternative name of the kind and value that were registered.
function subjectMatches(ctx, property, expected) {
  const certificate = ctx.socket.getPeerX509Certificate();
  return property === 'tls_client_auth_san_dns'
    && certificate.subjectAltName.split(', ').includes(`DNS:${expected}`);
}

function features(settings) {
  return {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    dPoP: {
      enabled: true,
      nonceSecret: settings.dpopNonces ? crypto.randomBytes(32) : undefined,
      requireNonce: () => state.requireNonce,
    },
    mTLS: {
      enabled: true,
      certificateBoundAccessTokens: true,
      selfSignedTlsClientAuth: true,
      tlsClientAuth: true,
      getCertificate: (ctx) => ctx.socket.getPeerX509Certificate?.(),
      certificateAuthorized: (ctx) => ctx.socket.authorized,
      certificateSubjectMatches: subjectMatches,
    },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => undefined,
      getResourceServerInfo: (ctx, identifier) => resourceServer(settings, identifier),
    },
  };
}

function configuration(settings, tlsUrl) {
  const signing = ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'];
  const alias = (route) => (tlsUrl === undefined ? undefined : `${tlsUrl}${settings.issuerPath.replace(/\/$/, '')}${route}`);
  return {
    adapter: Storage,
    clients: settings.clients,
    scopes: settings.scopes,
    jwks: { keys: signingKeys() },
    cookies: { keys: [crypto.randomBytes(32).toString('hex')] },
    clientAuthMethods: [...new Set(settings.clients.map((client) => client.token_endpoint_auth_method))],
    enabledJWA: {
      clientAuthSigningAlgValues: ['HS256', ...signing],
      dPoPSigningAlgValues: signing,
    },
    ttl: { ClientCredentials: (ctx, token, client) => settings.lifetimes[client.clientId] ?? settings.lifetime },
    discovery: {
      mtls_endpoint_aliases: {
        token_endpoint: alias('/token'),
        introspection_endpoint: alias('/token/introspection'),
        revocation_endpoint: alias('/token/revocation'),
      },
    },
    features: features(settings),
  };
}

// RFC 6749 appendix A lets an id and a secret hold printable ASCII only, and this server sees to
// it. Its decoding (§2.3.1, appendix B: UTF-8) goes further: without that check it shows whether
// what was sent decodes to what was meant.
async function allowNonAscii() {
  const file = path.join(path.dirname(entry), 'consts', 'client_attributes.js');
  const { noVSCHAR } = await import(pathToFileURL(file));
  noVSCHAR.exec = () => null; // `test` asks it too
}

async function record(ctx, next) {
  await next();
  if (!ctx.oidc?.route) return;
  state.requests.push({
    route: ctx.oidc.route,
    client: ctx.oidc.client?.clientId,
    status: ctx.status,
    tls: Boolean(ctx.socket.encrypted),
    dpop: Boolean(ctx.get('DPoP')),
    refusal: ctx.refusal,
  });
}

function observe(provider) {
  provider.use(record);
  provider.on('server_error', (ctx, error) => console.error(error));
  for (const name of ['grant.error', 'introspection.error', 'revocation.error']) {
    provider.on(name, (ctx, error) => {
      ctx.refusal = [error.error, error.error_description, error.error_detail, error.cause?.message]
        .filter(Boolean).join(': ');
    });
  }
  provider.on('client_credentials.issued', (token) => { state.jwts.add(token.jti); });
}

// Nobody outside this machine can reach it: it listens on the loopback address.
const commands = {
  'GET /requests': () => state.requests,
  'POST /require-nonce': () => { state.requireNonce = true; },
  'POST /waive-nonce': () => { state.requireNonce = false; },
  // A JWT is not kept here and cannot be taken back here: whoever checks it must know its id.
  'POST /revoke-all': () => {
    const revoked = [...state.jwts];
    state.jwts.clear();
    state.tokens.clear();
    return revoked;
  },
};

function administer(request, response) {
  request.resume();
  const command = commands[`${request.method} ${request.url}`];
  response.statusCode = command ? 200 : 404;
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(command?.() ?? null));
}

function listening(server) {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, LOOPBACK, () => resolve(server.address().port));
  });
}

function below(prefix, handler) {
  return (request, response) => {
    if (prefix && !request.url.startsWith(`${prefix}/`)) {
      response.statusCode = 404;
      response.end();
      return;
    }
    request.originalUrl = request.url; // Koa's way to know where it is mounted
    request.url = request.url.slice(prefix.length);
    handler(request, response);
  };
}

async function start(settings) {
  let handler;
  const answer = (request, response) => handler(request, response);
  const plain = http.createServer(answer);
  const trusting = { ...settings.tls, requestCert: true };
  // The lenient one must let self-signed certificates in; the strict one ends the handshake with
  // any certificate that the CA did not issue or that has expired.
  const lenient = https.createServer({ ...trusting, rejectUnauthorized: false }, answer);
  const strict = https.createServer({ ...trusting, rejectUnauthorized: true }, answer);
  const origin = `http://${LOOPBACK}:${await listening(plain)}`;
  const tlsUrl = `https://${LOOPBACK}:${await listening(lenient)}`;
  const strictTlsUrl = `https://${LOOPBACK}:${await listening(strict)}`;
  const adminUrl = `http://${LOOPBACK}:${await listening(http.createServer(administer))}`;

  if (settings.allowNonAscii) await allowNonAscii();
  const issuer = `${origin}${settings.issuerPath}`;
  const provider = new Provider(issuer, configuration(settings, tlsUrl));
  observe(provider);
  handler = below(settings.issuerPath.replace(/\/$/, ''), provider.callback());
  process.stdout.write(`${JSON.stringify({
    issuer, origin, tlsUrl, strictTlsUrl, adminUrl,
  })}\n`);
}

const input = readline.createInterface({ input: process.stdin });
input.once('line', (line) => start(JSON.parse(line)));
input.once('close', () => process.exit());
