"""Memory and disk that are held where a limit might not look."""

from collections.abc import Iterator

from hostile.attack import SYSTEM_CALL, Attack, assemble, doing

_RAW_MAPS = """\
libc.mmap.restype = ctypes.c_ssize_t
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
ANONYMOUS = mmap.MAP_SHARED | mmap.MAP_ANONYMOUS
def raw_map(length, flags, fd=-1):
    # unlike Python's maps it keeps no descriptor
    address = libc.mmap(None, ctypes.c_size_t(length), 3, flags, fd, ctypes.c_long(0))
    if address == -1:
        raise OSError(ctypes.get_errno(), 'mmap')
    return address
def write_removed(size, name='x'):
    fd = os.open(name, os.O_CREAT | os.O_RDWR)
    os.unlink(name)
    for _ in range(size): os.write(fd, bytes(1 << 20))
    return fd
def keep_shared(size, pieces):
    for _ in range(pieces):
        address = raw_map(size, ANONYMOUS)
        ctypes.memset(address, 1, size)
        libc.munmap(address + 4096, size - 4096)
"""
_WAIT = "time.sleep(0.3)\n"
_FILES = {
    "eight removed files, mapped": """\
for _ in range(8):
    fd = write_removed(15)
    raw_map(15 << 20, mmap.MAP_SHARED, fd)
    os.close(fd)""",
    "removed files, a page of them mapped": """\
for _ in range(8):
    fd = write_removed(15)
    raw_map(4096, mmap.MAP_SHARED, fd)
    os.close(fd)""",
    "removed files, a page of them mapped privately": """\
for _ in range(8):
    fd = write_removed(15)
    raw_map(4096, mmap.MAP_PRIVATE, fd)
    os.close(fd)""",
    "nameless files, a page of them mapped": """\
for _ in range(8):
    fd = os.open('.', os.O_TMPFILE | os.O_RDWR)
    for _ in range(15): os.write(fd, bytes(1 << 20))
    raw_map(4096, mmap.MAP_SHARED, fd)
    os.close(fd)""",
    "removed files behind one that is held": """\
held = os.open('x', os.O_CREAT | os.O_RDWR)
os.unlink('x')
raw_map(4096, mmap.MAP_SHARED, held)
for _ in range(8):
    fd = write_removed(15)
    raw_map(4096, mmap.MAP_SHARED, fd)
    os.close(fd)""",
    "a removed file behind a path's descriptor": """\
held = []
for _ in range(8):
    fd = os.open('x', os.O_CREAT | os.O_RDWR)
    for _ in range(15): os.write(fd, bytes(1 << 20))
    held.append(os.open('x', os.O_PATH))
    os.unlink('x')
    os.close(fd)""",
    "half with a name, half without": """\
held = write_removed(10)
other = os.open('y', os.O_CREAT | os.O_RDWR)
for _ in range(10): os.write(other, bytes(1 << 20))""",
    "half held, half mapped": """\
held = write_removed(2)
fd = write_removed(15)
raw_map(4096, mmap.MAP_SHARED, fd)
os.close(fd)""",
    "many mapped files of nothing": """\
for _ in range(5000):
    fd = os.open('x', os.O_CREAT | os.O_RDWR)
    os.unlink('x')
    os.ftruncate(fd, 1)
    raw_map(1, mmap.MAP_PRIVATE, fd)
    os.close(fd)""",
    "links with long targets": "for n in range(5000): os.symlink('x' * 4000, str(n))",
    "empty folders": "for n in range(5000): os.mkdir(str(n))",
    "holes": """\
for n in range(3):
    os.ftruncate(os.open(str(n), os.O_CREAT | os.O_RDWR), 16 << 20)""",
}
_MEMORY = {
    "shared pieces of which a page stays": "keep_shared(1 << 16, 20_000)",
    "shared memory of which a page stays": "keep_shared(150 << 20, 5)",
    "shared memory": "raw_map(1 << 20, ANONYMOUS)",
    "shared memory, validated": "raw_map(1 << 20, ANONYMOUS | 3)",
    "shared memory in large pages": "raw_map(2 << 20, ANONYMOUS | 0x40000)",
    "shared zeros": "raw_map(16 << 20, mmap.MAP_SHARED, os.open('/dev/zero', os.O_RDWR))",
    "the library's own map": "mmap.mmap.__base__(-1, 1 << 20)",
    "pages of removed files in pipes": """\
held = []
for _ in range(20):
    held.append(os.pipe())
    for _ in range(16):
        fd = write_removed(2)
        os.sendfile(held[-1][1], fd, 0, 100)
        os.close(fd)""",
    "pages of removed files in sockets": """\
pair = socket.socketpair()
os.sendfile(pair[0].fileno(), write_removed(2), 0, 100)""",
    "pages in pipes": "os.splice(write_removed(2), os.pipe()[1], 4096, offset_src=0)",
    "a pipe's pages in another": "call(276, os.pipe()[0], os.pipe()[1], 4096, 0)",
    "own pages in a pipe": "call(278, os.pipe()[1], struct.pack('2Q', 0, 0), 1, 0)",
    "a large pipe": "fcntl.fcntl(os.pipe()[1], 1031, 1 << 20)",
    "large buffers of a socket": (
        "socket.socketpair()[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 24)"
    ),
    "descriptors on their way": (
        "socket.send_fds(socket.socketpair()[0], [b'x'], [write_removed(1)])"
    ),
    "a message queue of sockets": "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)",
    "attributes of a file": "call(190, os.open('.', 0), b'user.x', bytes(99), 99, 0)",
    "blocks beyond a file's end": "call(285, os.open('x', 66), 1, 0, 1 << 24)",
    "locked memory": "call(325, 0, 0, 0)",
    "all memory locked": "call(151, 1)",
    "memory of a file system": "call(430, b'tmpfs', 0)",
    "a pipe with a name": "os.mkfifo('x')",
    "leases and notices": "fcntl.fcntl(os.open('.', 0), 1026, 1)",
}
_THREAD = 0x3D0F00
_TABLES = {
    "a thread with descriptors of its own": f"call(56, {_THREAD & ~0x400:#x}, stack(), 0, 0, 0)",
    "a thread with a folder of its own": f"call(56, {_THREAD & ~0x200:#x}, stack(), 0, 0, 0)",
    "a thread with descriptors and no more": "call(56, 0x10900, stack(), 0, 0, 0)",
    "a thread in a network of its own": f"call(56, {_THREAD | 0x40000000:#x}, stack(), 0, 0, 0)",
    "a thread by clone3": f"""\
call(435, struct.pack('11Q', {_THREAD & ~0x400:#x}, 0, 0, 0, 0, stack(), 4096, 0, 0, 0, 0), 88)""",
    "descriptors unshared": "call(272, 0x400)",
    "descriptors closed and unshared": "call(436, 1000, 1000, 2)",
    "descriptors marked and unshared": "call(436, 1000, 1000, 6)",
}
_STACK = """\
area = mmap.mmap(-1, 1 << 16)
def stack(): return ctypes.addressof(ctypes.c_char.from_buffer(area)) + (1 << 15)
"""


def hoarding_attacks() -> Iterator[Attack]:
    for family, bodies in (("hoarding files", _FILES), ("hoarding memory", _MEMORY)):
        for name, body in bodies.items():
            code = doing(f"{body}\n{_WAIT}", SYSTEM_CALL, _RAW_MAPS)
            quick = name in {"eight removed files, mapped", "shared memory of which a page stays"}
            # the sandbox names the calls on own files that it refuses and plain Python allows
            statuses = ("unsupported",) if name == "a pipe with a name" else ("blocked",)
            yield Attack(family, name, code, statuses=statuses, quick=quick, seconds=5)
    for name, body in _TABLES.items():
        statuses = ("failed",) if "clone3" in name else ("blocked",)
        code = assemble(f"{body}\nraise ValueError('BREACH it did')\n", SYSTEM_CALL, _STACK)
        quick = name == "a thread with descriptors of its own"
        yield Attack("hoarding by threads", name, code, statuses=statuses, quick=quick)
