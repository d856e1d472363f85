"""What went wrong on the way to a server, in words that say what to do about it."""

from __future__ import annotations

import errno
import http.client
import os
import socket
import ssl
from typing import NamedTuple

import urllib3

from studio_worker_core.network.proxies import LOGIN_WORDS


class Peer(NamedTuple):
    """Who was asked, as a message calls them."""

    name: str = "the server"
    address: str = "are host and port"
    """What to look at when nobody is there, with its verb."""


SERVER = Peer()

_ALERT = ("\x15\x03", "'\\x15\\x03")
"""How TLS says that it was not spoken to in TLS, and as the library quotes it."""

_UNREACHABLE = "there is no way to it; is this machine online?"
_CUT = "{0.name} cut the connection"
_WORDS = {
    errno.ECONNREFUSED: "nothing listens there (connection refused); is {0.name} running, and "
    "{0.address} right?",
    errno.ENETUNREACH: _UNREACHABLE,
    errno.EHOSTUNREACH: _UNREACHABLE,
    errno.ENETDOWN: "the network is down; is this machine online?",
    errno.ETIMEDOUT: "{0.name} did not answer in time",
    errno.ECONNRESET: _CUT,
    errno.EPIPE: _CUT,
    errno.ECONNABORTED: _CUT,
}


def innermost(error: BaseException) -> BaseException:
    """What the socket said: the libraries wrap it, some of it several times."""
    for _ in range(8):
        inner = getattr(error, "original_error", None) or next(
            (arg for arg in error.args if isinstance(arg, BaseException)), None
        )
        inner = inner or getattr(error, "reason", None) or error.__cause__
        if not isinstance(inner, BaseException):
            break
        error = inner
    return error


def why_failed(error: BaseException, peer: Peer = SERVER) -> str:
    """Why the call failed; ``error`` is what the HTTP or the socket library raised."""
    root = innermost(error)
    match error:
        case urllib3.exceptions.ConnectTimeoutError():
            return f"{peer.name} did not answer in time"
        case urllib3.exceptions.ReadTimeoutError() | urllib3.exceptions.TimeoutError():
            return f"{peer.name} stopped sending"
        case urllib3.exceptions.IncompleteRead():
            return "the connection ended before all of it was there"
    if isinstance(root, http.client.RemoteDisconnected | http.client.IncompleteRead | EOFError):
        return _CUT.format(peer)
    if isinstance(root, TimeoutError | urllib3.exceptions.TimeoutError):
        return f"{peer.name} did not answer in time"
    if isinstance(root, http.client.BadStatusLine) and str(root).startswith(_ALERT):
        return "it speaks https there; write https:// in the address"
    if isinstance(root, urllib3.exceptions.LocationParseError | UnicodeError):
        return f"the name of {peer.name} is not one that a server can have"
    if isinstance(root, OSError | urllib3.exceptions.NameResolutionError):
        return _socket_words(root, peer)
    return f"the answer is not HTTP; {peer.address} right?"


def _socket_words(error: Exception, peer: Peer) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return certificate_words(error)
        case ssl.SSLError():
            return "no TLS connection can be made; is the port right, and does it speak https?"
        case socket.gaierror() | urllib3.exceptions.NameResolutionError():
            return f"the name of {peer.name} cannot be looked up; is this machine online?"
    assert isinstance(error, OSError)
    if error.strerror and error.errno and error.strerror != os.strerror(error.errno):
        return error.strerror  # words of our own
    known = _WORDS.get(error.errno or 0)
    return known.format(peer) if known else f"the connection broke ({_strerror(error)})"


def certificate_words(error: ssl.SSLCertVerificationError) -> str:
    """Why a certificate is not taken."""
    reason = error.verify_message or "certificate verify failed"
    remedy = "if its authority is your own, name that in SSL_CERT_FILE"
    if "expired" in reason or "not yet valid" in reason:
        remedy = "is the clock of this machine right?"
    elif "mismatch" in reason.lower():
        remedy = "is this the right address?"
    return f"the server's certificate is not valid: {reason}; {remedy}"


def proxy_words(error: BaseException) -> str:
    """Why a proxy of the environment brought nobody nearer."""
    root = innermost(error)
    text = str(root)
    if "Tunnel connection failed" not in text:
        return (
            f"the proxy of HTTPS_PROXY or HTTP_PROXY cannot be used: {why_failed(root)}; mend or "
            "unset the variable, or add the host to NO_PROXY"
        )
    if "407" in text:
        return LOGIN_WORDS
    return proxy_refused_words(text.split(":", 1)[-1].strip()[:3])


def proxy_refused_words(status: str) -> str:
    """A proxy answered ``status`` in place of a way through."""
    return f"the proxy of HTTPS_PROXY would not let it through (it answered {status})"


def _strerror(error: OSError) -> str:
    return str(error.strerror or error)[:200] or "no reason given"
