"""Connections of any kind."""

from collections.abc import Iterator

from hostile.attack import SYSTEM_CALL, Attack, doing, name_set

_NETWORK = {
    "tcp": "socket.create_connection(('127.0.0.1', @TCP@)).send(b'x')",
    "tcp six": "socket.socket(socket.AF_INET6)",
    "udp": "socket.socket(type=socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', @UDP@))",
    "tcp by descriptor": (
        "call(42, call(41, 2, 1, 0), struct.pack('=HHI8x', 2, @TCPN@, 16777343), 16)"
    ),
    "a socket's path": "socket.socket(socket.AF_UNIX).connect('@TMP@/stream')",
    "a datagram socket's path": (
        "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', '@TMP@/datagram')"
    ),
    "an abstract socket": "socket.socket(socket.AF_UNIX).connect('\\0@ABSTRACT@')",
    "out of a pair by path": (
        "socket.socketpair(type=socket.SOCK_DGRAM)[0].sendto(b'x', '@TMP@/datagram')"
    ),
    "out of a pair by connecting": ("pair = socket.socketpair(); pair[0].connect('\\0@ABSTRACT@')"),
    "descriptors over a pair": (
        "pair = socket.socketpair(); socket.send_fds(pair[0], [b'x'], [0])"
    ),
    "serving": "socket.create_server(('127.0.0.1', 0))",
    "raw": "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)",
    "packets": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "netlink": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)",
    "vsock": "socket.socket(socket.AF_VSOCK)",
    "kernel cryptography": "socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET)",
    "names": "socket.getaddrinfo('localhost', 80)",
    "names by libc": "assert libc.gethostbyname(b'localhost')",
    "http": "__import__('urllib.request').request.urlopen('http://127.0.0.1:@TCP@', timeout=1)",
    "asyncio": """\
import asyncio
asyncio.run(asyncio.open_connection('127.0.0.1', @TCP@))""",
    "a descriptor that is there": """\
for fd in range(256):
    try:
        kind = socket.socket(fileno=os.dup(fd))
        break
    except OSError:
        pass
else:
    raise PermissionError('no descriptor is a socket')""",
}
_BARE_NETWORK = name_set(
    "tcp,udp,a socket's path,a datagram socket's path,an abstract socket,out of a pair by path,"
    "serving,asyncio,descriptors over a pair"
)


def network_attacks() -> Iterator[Attack]:
    for name, statement in _NETWORK.items():
        yield Attack(
            "network",
            name,
            doing(statement, SYSTEM_CALL),
            quick=name in {"tcp", "an abstract socket"},
            bare=name in _BARE_NETWORK,
        )
