"""Reading and writing outside the scratch folder."""

from collections.abc import Iterator

from hostile.attack import SYSTEM_CALL, Attack, doing, name_set, showing

_READ = {
    "passwd": "open('/etc/passwd').read()",
    "shadow": "open('/etc/shadow').read()",
    "secret in tmp": "open('@TMP@/secret').read()",
    "secret in home": "open('@HOME@/secret').read()",
    "secret in the project": "open('@PROJECT@/secret').read()",
    "the package's source": "open('@PACKAGE@/errors.py').read()",
    "the package by import": "sys.path.insert(0, '@PACKAGE@/..') or __import__('steadycode')",
    "a module beside": "sys.path.insert(0, '@TMP@') or __import__('secret_module').SECRET",
    "init's environment": "open('/proc/1/environ', 'rb').read()",
    "own environment": "open('/proc/self/environ', 'rb').read()",
    "own memory map": "open('/proc/self/maps').read()",
    "own memory": "open('/proc/self/mem', 'rb+').fileno()",
    "own descriptors": "os.listdir('/proc/self/fd')",
    "the parent's memory": "open(f'/proc/{os.getppid()}/mem', 'rb').fileno()",
    "the parent's environment": "open(f'/proc/{os.getppid()}/environ', 'rb').read()",
    "the parent's maps": "open(f'/proc/{os.getppid()}/maps').read()",
    "the parent's descriptors": "os.listdir(f'/proc/{os.getppid()}/fd')",
    "the checker's memory": "open(f'/proc/{os.getpid() + 1}/mem', 'rb').fileno()",
    "through proc root": "open('/proc/self/root/etc/passwd').read()",
    "through proc cwd": "open('/proc/self/cwd/../../../../../etc/passwd').read()",
    "through a symbolic link": "os.symlink('@TMP@/secret', 'way') or open('way').read()",
    "through a linked folder": "os.symlink('@TMP@', 'way') or open('way/secret').read()",
    "through a hard link": "os.link('@TMP@/secret', 'way') or open('way').read()",
    "by a relative path": "open(os.path.relpath('@TMP@/secret')).read()",
    "after chdir": "os.chdir('@TMP@') or open('secret').read()",
    "after fchdir": "os.fchdir(os.open('@TMP@', os.O_PATH)) or open('secret').read()",
    "beneath a folder's descriptor": (
        "open(os.open('secret', os.O_RDONLY, dir_fd=os.open('@TMP@', os.O_PATH))).read()"
    ),
    "through a path descriptor": "os.read(os.open('@TMP@/secret', os.O_PATH), 99)",
    "path descriptor opened anew": (
        "open('/proc/self/fd/%d' % os.open('@TMP@/secret', os.O_PATH)).read()"
    ),
    "moved into the folder": "os.rename('@TMP@/secret', 'here') or open('here').read()",
    "list the root": "os.listdir('/')",
    "list tmp": "os.listdir('@TMP@')",
    "list home": "os.listdir('@HOME@')",
    "list the outer folder": "os.listdir('..')",
    "list proc": "os.listdir('/proc')",
    "list what is installed": "os.listdir(os.path.dirname(os.__file__) + '/site-packages')",
    "the kernel's messages": "open('/dev/kmsg').fileno()",
    "the disk": "[open(p, 'rb') for p in ('/dev/vda', '/dev/sda', '/dev/nvme0n1')]",
    "the terminal": "open('/dev/tty').fileno()",
    "mapped": "mmap.mmap(os.open('@TMP@/secret', os.O_RDONLY), 0, prot=mmap.PROT_READ)[:]",
    "copied by the kernel": (
        "os.copy_file_range(os.open('@TMP@/secret', 0), os.open('x', os.O_CREAT | os.O_RDWR), 9)"
    ),
    "by sqlite": "__import__('sqlite3').connect('@TMP@/data.db').execute('pragma table_list')"
    ".fetchall()",
    "by file handle": "call(303, -100, b'@TMP@/secret', bytes(200), bytes(8), 0)",
}
_BARE_READS = name_set(
    "passwd,secret in tmp,secret in home,a module beside,own memory map,through a symbolic link,"
    "through a linked folder,by a relative path,after chdir,beneath a folder's descriptor,list tmp,"
    "list the root,mapped,by sqlite,path descriptor opened anew"
)
_CHANGE = {
    "write": "open('@TMP@/secret', 'w')",
    "append": "open('@TMP@/secret', 'a').write('x')",
    "write in home": "open('@HOME@/secret', 'r+').write('x')",
    "write in the project": "open('@PROJECT@/secret', 'r+').write('x')",
    "new file in tmp": "open('@TMP@/new', 'w')",
    "new file in home": "open('@HOME@/new', 'w')",
    "new file in the project": "open('@PROJECT@/new', 'w')",
    "new file beside": "open('../new', 'w')",
    "new file in var tmp": "open('/var/tmp/@MARKER@', 'w')",
    "through a symbolic link": "os.symlink('@TMP@/secret', 'way'); open('way', 'w')",
    "truncate by name": "os.truncate('@TMP@/secret', 0)",
    "truncate a path descriptor": "os.ftruncate(os.open('@TMP@/secret', os.O_PATH), 0)",
    "open to truncate": "os.open('@TMP@/secret', os.O_RDONLY | os.O_TRUNC)",
    "map writably": "mmap.mmap(os.open('@TMP@/secret', os.O_RDWR), 0)[0] = 120",
    "rename": "os.rename('@TMP@/secret', '@TMP@/other')",
    "rename over": "open('x', 'w').close(); os.rename('x', '@TMP@/secret')",
    "rename out": "open('x', 'w').close(); os.rename('x', '@TMP@/new')",
    "rename its own folder": "os.rename(os.getcwd(), os.getcwd() + 'x')",
    "remove its own folder": "os.rmdir(os.getcwd())",
    "exchange": "open('x', 'w').close(); call(316, -100, b'x', -100, b'@TMP@/secret', 2)",
    "unlink": "os.unlink('@TMP@/secret')",
    "remove a folder": "os.rmdir('@TMP@/folder')",
    "chmod": "os.chmod('@TMP@/secret', 0o777)",
    "chmod by descriptor": "call(91, os.open('@TMP@/secret', os.O_PATH), 0o777)",
    "chmod newly": "call(452, -100, b'@TMP@/secret', 0o777, 0)",
    "chmod its own folder": "os.chmod('.', 0)",
    "chmod its own file": "open('x', 'w').close(); os.chmod('x', 0o4755)",
    "chown": "os.chown('@TMP@/secret', os.getuid(), os.getgid())",
    "lchown": "os.lchown('@TMP@/secret', 1, 1)",
    "utime": "os.utime('@TMP@/secret', (1, 1))",
    "utime by folder": "os.utime('secret', (1, 1), dir_fd=os.open('@TMP@', os.O_PATH))",
    "set an attribute": "os.setxattr('@TMP@/secret', 'user.x', b'x')",
    "make a folder": "os.mkdir('@TMP@/new')",
    "make a symbolic link": "os.symlink('x', '@TMP@/new')",
    "make a hard link inside": "os.link('@TMP@/secret', 'x')",
    "make a hard link outside": "open('x', 'w').close(); os.link('x', '@TMP@/new')",
    "make a pipe": "os.mkfifo('@TMP@/new')",
    "make a device": "os.mknod('null', 0o20666, os.makedev(1, 3)); open('null')",
    "make a socket": "os.mknod('@TMP@/new', 0o140666)",
    "a nameless file outside": "os.open('@TMP@', os.O_TMPFILE | os.O_RDWR)",
    "a database outside": "__import__('sqlite3').connect('@TMP@/new').execute('create table t(a)')",
    "the standard library": "open(os.__file__, 'r+')",
    "the library's cache": "open(json.__cached__, 'r+')",
    "a new module in the library": "open(os.path.dirname(os.__file__) + '/@MARKER@.py', 'w')",
    "shared memory": "open('/dev/shm/@MARKER@', 'w')",
    "its own killing order": "open('/proc/self/oom_score_adj', 'w').write('-1000')",
    "the parent's killing order": "open(f'/proc/{os.getppid()}/oom_score_adj', 'w')",
    "the parent's memory": "open(f'/proc/{os.getppid()}/mem', 'wb')",
    "the kernel's settings": "open('/proc/sys/kernel/core_pattern', 'a')",
    "control groups": "os.mkdir('/sys/fs/cgroup/@MARKER@')",
    "a mount": "call(165, b'none', b'.', b'tmpfs', 0, 0)",
    "another root": "os.chroot('.')",
}
_BARE_CHANGES = name_set(
    "new file in tmp,append,rename out,rename over,make a folder,make a symbolic link,utime,chmod,"
    "make a hard link inside,make a pipe,truncate by name,map writably,open to truncate,"
    "a database outside"
)


def file_attacks() -> Iterator[Attack]:
    for name, expression in _READ.items():
        yield Attack(
            "reading files",
            name,
            showing(expression, SYSTEM_CALL),
            quick=name in {"secret in tmp", "the parent's memory"},
            bare=name in _BARE_READS,
        )
    for name, statement in _CHANGE.items():
        yield Attack(
            "changing files",
            name,
            doing(statement, SYSTEM_CALL),
            quick=name in {"append", "chmod"},
            bare=name in _BARE_CHANGES,
        )
