"""A mail server for tests: aiosmtpd with TLS from the first byte, with STARTTLS, or with none.

    smtp.py implicit|starttls|plain|mute CERTIFICATE KEY [USER PASSWORD] [REPLY...]

It prints its port, then each message as a line of JSON. Each REPLY ("451 later") answers one message in place of taking it. Nobody is at gone@. It
ends when its standard input does. As Google's relay does, it wants to be greeted by a name; `mute` is implicit, and offers no login.
"""

import asyncio
import email
import email.policy
import json
import logging
import ssl
import sys

from aiosmtpd.smtp import SMTP, AuthResult


def say(what):
    print(what, flush=True)


class Handler:
    def __init__(self, replies):
        self.replies = replies

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        if hostname.startswith("[") or "." not in hostname:
            return ["550 5.7.1 who are you? greet me by a name"]
        session.host_name = hostname
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone@"):
            return "550 5.1.1 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        reply = self.replies.pop(0) if self.replies else None
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        headers = {name.lower(): str(value) for name, value in message.items()}
        tls = session.ssl is not None
        to = envelope.rcpt_tos
        say(json.dumps({"tls": tls, "hello": session.host_name, "user": getattr(session, "who", None), "from": envelope.mail_from, "to": to,
                        "headers": headers, "body": message.get_content(), "reply": reply}))
        return reply or "250 OK"


def main():
    logging.getLogger("mail.log").setLevel(logging.ERROR)
    mode, certificate, key = sys.argv[1:4]
    rest = sys.argv[4:]
    login = None
    if rest and not rest[0][:3].isdigit():
        login, rest = tuple(rest[:2]), rest[2:]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    def authenticator(server, session, envelope, mechanism, data):
        session.who = data.login.decode()
        ok = (session.who, data.password.decode()) == login
        return AuthResult(success=ok, handled=False)

    def factory():
        return SMTP(Handler(rest), enable_SMTPUTF8=True, hostname="localhost",
                    tls_context=context if mode == "starttls" else None, require_starttls=mode == "starttls",
                    authenticator=authenticator if login else None, auth_required=login is not None,
                    auth_require_tls=mode == "starttls",
                    auth_exclude_mechanism=["LOGIN", "PLAIN"] if mode == "mute" else None)

    async def serve():
        tls = context if mode in ("implicit", "mute") else None
        loop = asyncio.get_running_loop()
        server = await loop.create_server(factory, "127.0.0.1", 0, ssl=tls)
        say(server.sockets[0].getsockname()[1])
        await loop.run_in_executor(None, sys.stdin.read)
        server.close()

    asyncio.run(serve())


main()
