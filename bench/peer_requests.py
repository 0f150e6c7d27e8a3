"""The loop's work with Python's requests: usage: peer_requests.py PATHS"""
import os
import sys

import requests

env = os.environ
reply = requests.post(
    env["IMS_URL"] + "/ims/token/v3",
    data={
        "grant_type": "client_credentials",
        "client_id": env["IMS_CLIENT_ID"],
        "client_secret": env["IMS_CLIENT_SECRET"],
        "scope": "openid,AdobeID,profile,commerce.accs",
    },
    timeout=10,
)
session = requests.Session()
session.trust_env = False
session.headers.update(
    {
        "Authorization": "Bearer " + reply.json()["access_token"],
        "x-api-key": env["IMS_CLIENT_ID"],
        "x-gw-ims-org-id": env["IMS_ORG_ID"],
        "Accept": "application/json",
    }
)
with open(sys.argv[1]) as paths:
    for path in paths:
        answer = session.get(env["API_ENDPOINT"] + path.rstrip("\n"), timeout=10)
        assert answer.status_code == 200 and "sku" in answer.json()
