// The loop's work with the fetch of Node.js: usage: peer_fetch.mjs PATHS CONCURRENCY
import { readFileSync } from "node:fs";

const env = process.env;
const reply = await fetch(`${env.IMS_URL}/ims/token/v3`, {
  method: "POST",
  body: new URLSearchParams({
    grant_type: "client_credentials",
    client_id: env.IMS_CLIENT_ID,
    client_secret: env.IMS_CLIENT_SECRET,
    scope: "openid,AdobeID,profile,commerce.accs",
  }),
});
const headers = {
  Authorization: `Bearer ${(await reply.json()).access_token}`,
  "x-api-key": env.IMS_CLIENT_ID,
  "x-gw-ims-org-id": env.IMS_ORG_ID,
  Accept: "application/json",
};
const paths = readFileSync(process.argv[2], "utf8").trimEnd().split("\n");

async function worker() {
  for (let path = paths.pop(); path; path = paths.pop()) {
    const answer = await fetch(env.API_ENDPOINT + path, { headers });
    if (answer.status !== 200 || !(await answer.json()).sku) throw new Error(path);
  }
}
await Promise.all(Array.from({ length: Number(process.argv[3]) }, worker));
