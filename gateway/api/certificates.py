"""The certificates that both doors show, and those that they ask callers for: read from files, and again on change.

A change of the files is met at the next connection. Files that do not fit together, as in the midst of a renewal, leave
the doors with what they had, and are tried again when they change further.
"""

import logging
import ssl
from pathlib import Path
from typing import Final

import grpc

from gateway.errors import CannotStart

log = logging.getLogger(__name__)

_Stamp = tuple[tuple[int, int, int], ...]
_PROTOCOL: Final = ssl.TLSVersion.TLSv1_2


class Certificates:
    """A certificate chain with its key, and the authorities that callers' own certificates must come from, if any."""

    def __init__(self, chain: Path, key: Path, client_authorities: Path | None = None):
        """Read the files.

        Raises:
            CannotStart: one cannot be read, or they do not fit together.
        """
        #: Whether callers must show a certificate of their own.
        self.asks_callers = client_authorities is not None
        self._files = (chain, key, *(() if client_authorities is None else (client_authorities,)))
        #: The files as each door has met them last: connections of the two come on different threads.
        self._rest_stamp = self._grpc_stamp = self._stamp()
        try:
            self._context = self._fresh_context()
            self._configuration = self._fresh_configuration()
        except (OSError, ssl.SSLError) as failure:
            raise CannotStart(
                "The files of --tls-cert, --tls-key or --tls-client-ca cannot be used: check that they are PEM, that "
                "the gateway may read them, and that the key is the certificate's."
            ) from failure

    def server_context(self) -> ssl.SSLContext:
        """The context of a server that shows the newest certificate to every new connection."""
        context = self._fresh_context()
        context.sni_callback = self._renewed
        return context

    def grpc_credentials(self) -> grpc.ServerCredentials:
        """The credentials of a gRPC server that shows the newest certificate to every new connection."""
        return grpc.dynamic_ssl_server_credentials(
            self._configuration,
            self._renewed_configuration,  # type: ignore[arg-type]  # None is "no change"; the stubs leave it out
            require_client_authentication=self.asks_callers,
        )

    def _renewed(self, connection: ssl.SSLObject | ssl.SSLSocket, _name: str | None, _: ssl.SSLContext) -> None:
        stamp = self._stamp()
        if stamp != self._rest_stamp:
            self._rest_stamp = stamp
            try:
                self._context = self._fresh_context()
            except (OSError, ssl.SSLError):
                log.warning("tls.not_reloaded", extra={"door": "rest"})
            else:
                log.info("tls.reloaded", extra={"door": "rest"})
        connection.context = self._context

    def _renewed_configuration(self) -> grpc.ServerCertificateConfiguration | None:
        stamp = self._stamp()
        if stamp == self._grpc_stamp:
            return None
        self._grpc_stamp = stamp
        try:
            self._fresh_context()
            configuration = self._fresh_configuration()
        except (OSError, ssl.SSLError):
            log.warning("tls.not_reloaded", extra={"door": "grpc"})
            return None
        log.info("tls.reloaded", extra={"door": "grpc"})
        return configuration

    def _fresh_context(self) -> ssl.SSLContext:
        chain, key, *authorities = self._files
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = _PROTOCOL
        context.load_cert_chain(chain, key)
        if authorities:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(authorities[0])
        return context

    def _fresh_configuration(self) -> grpc.ServerCertificateConfiguration:
        chain, key, *authorities = (each.read_bytes() for each in self._files)
        return grpc.ssl_server_certificate_configuration([(key, chain)], authorities[0] if authorities else None)

    def _stamp(self) -> _Stamp:
        """What changes when a file is written anew, or another takes its place."""
        found = []
        for each in self._files:
            try:
                state = each.stat()
            except OSError:
                found.append((0, 0, 0))
            else:
                found.append((state.st_mtime_ns, state.st_ino, state.st_size))
        return tuple(found)
