#!/usr/bin/env python3
"""A browser for logins: goes to the address that it is given, and fills in Keycloak's form.

    browser.py URL       with ATTEST_LOGIN=USER:PASSWORD for a page that asks who somebody is

Whatever is opened by attest has attest's surroundings. It prints the status and the last page.
"""

import html
import os
import re
import sys
import urllib.error
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar, DefaultCookiePolicy

FORM = re.compile(r'<form[^>]*id="kc-form-login"[^>]*action="([^"]+)"')


def browse(url: str, login: str) -> tuple[int, str]:
    # To browsers this machine is as good as TLS.
    policy = DefaultCookiePolicy(secure_protocols=("http", "https"))
    opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar(policy)))
    try:
        page = text(opener.open(url, timeout=60))
        form = FORM.search(page)
        if form and login:
            user, _, password = login.partition(":")
            filled = urllib.parse.urlencode({"username": user, "password": password, "credentialId": ""})
            page = text(opener.open(html.unescape(form[1]), data=filled.encode(), timeout=60))
        return 200, page
    except urllib.error.HTTPError as refused:
        return refused.code, text(refused)


def text(answer) -> str:
    return answer.read(1 << 20).decode(errors="replace")


if __name__ == "__main__":
    status, last = browse(sys.argv[1], os.environ.get("ATTEST_LOGIN", ""))
    print(status, last)
