// An OpenID provider on loopback: `node provider.mjs settings.json`; it prints a line once it listens.
// settings: port, issuer, certificate, key (PEM), jwks (private keys, the first signs), audience, scopes, clients.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import Provider from 'oidc-provider';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));

const provider = new Provider(settings.issuer, {
  clients: settings.clients.map((client) => ({
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    token_endpoint_auth_method: 'client_secret_post',
    ...client,
  })),
  jwks: settings.jwks,
  scopes: settings.scopes,
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => 'https://waystone.example',
      getResourceServerInfo: () => ({
        scope: settings.scopes.join(' '),
        audience: settings.audience,
        accessTokenTTL: settings.seconds,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg: settings.jwks.keys[0].alg } },
      }),
    },
  },
});

createServer({ cert: settings.certificate, key: settings.key }, provider.callback()).listen(
  settings.port,
  '127.0.0.1',
  () => console.log('listening'),
);
