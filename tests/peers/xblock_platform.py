"""Runs in the peer's own environment: a platform made of lti-consumer-xblock, answering one JSON line a line.

Nothing of Muster is imported here, and nothing of the peer in Muster.
"""

import json
import sys
from urllib.parse import parse_qs, urlparse

import django
from django.conf import settings

settings.configure(
    PLATFORM_NAME="peer", LMS_ROOT_URL="https://peer.test", LMS_BASE="peer.test", SECRET_KEY="peer",
    CACHES={"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}},
    DATABASES={}, INSTALLED_APPS=[], FEATURES={}, USE_TZ=True,
)  # fmt: skip
django.setup()

from lti_consumer.data import Lti1p3LaunchData
from lti_consumer.lti_1p3.consumer import LtiAdvantageConsumer


def main() -> None:
    given = json.loads(sys.stdin.readline())
    platform = LtiAdvantageConsumer(
        iss=given["issuer"], lti_oidc_url=given["login"], lti_launch_url=given["launch"], client_id=given["client_id"],
        deployment_id=given["deployment"], rsa_key=given["key"], rsa_key_id="peer-1", redirect_uris=[given["launch"]],
        tool_key=given["tool_key"],
    )  # fmt: skip
    answer({"jwks": platform.get_public_keyset()})
    for line in sys.stdin:
        asked = json.loads(line)
        if asked["do"] == "start":
            platform.set_user_data(user_id=asked["user"], role=asked["role"], full_name="Sam Rivera")
            platform.set_resource_link_claim("link-1")
            platform.set_context_claim("c1", context_title="Course")
            data = Lti1p3LaunchData(
                user_id=asked["user"], user_role=asked["role"], config_id="cfg", resource_link_id="link-1",
                message_type="LtiResourceLinkRequest",
            )  # fmt: skip
            url = platform.prepare_preflight_url(data)
            answer({name: values[0] for name, values in parse_qs(urlparse(url).query).items()})
        elif asked["do"] == "launch":
            answer(platform.generate_launch_request(asked["query"]))
        elif asked["do"] == "token":
            answer(platform.access_token(asked["form"]))


def answer(document: object) -> None:
    print(json.dumps(document), flush=True)


main()
