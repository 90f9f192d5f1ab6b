"""The standard library, but for processes, serialisation, XML and databases."""

from __future__ import annotations

from agents.inspector.taint.tables.rows import (
    Row,
    clean,
    constant,
    exits,
    gives,
    guard,
    passes,
    same,
    sink,
    source,
    special,
    stops,
)

_READ = [
    "read_text",
    "read_bytes",
    "open",
    "write_text",
    "write_bytes",
    "unlink",
    "rmdir",
    "mkdir",
    "touch",
    "rename",
    "replace",
    "symlink_to",
    "iterdir",
    "glob",
    "rglob",
]
_PATH_FUNCTIONS = [
    "os.open",
    "os.remove",
    "os.unlink",
    "os.rmdir",
    "os.mkdir",
    "os.makedirs",
    "os.removedirs",
    "os.listdir",
    "os.scandir",
    "os.walk",
    "os.chmod",
    "os.truncate",
    "os.readlink",
    "os.utime",
    "io.open",
    "io.FileIO",
    "codecs.open",
    "shutil.rmtree",
    "linecache.getline",
    "linecache.getlines",
    "zipfile.ZipFile",
    "tarfile.open",
    "gzip.open",
    "bz2.open",
    "lzma.open",
    "glob.glob",
    "glob.iglob",
]
_TWO_PATHS = [
    "os.rename",
    "os.replace",
    "os.link",
    "os.symlink",
    "shutil.copy",
    "shutil.copy2",
    "shutil.copyfile",
    "shutil.copytree",
    "shutil.move",
]
_RANDOM = [
    "random",
    "randint",
    "randrange",
    "choice",
    "choices",
    "sample",
    "uniform",
    "getrandbits",
    "randbytes",
    "shuffle",
    "gauss",
    "normalvariate",
    "triangular",
    "betavariate",
    "expovariate",
    "gammavariate",
    "lognormvariate",
    "vonmisesvariate",
    "paretovariate",
    "weibullvariate",
]
_BASES = ["b64", "urlsafe_b64", "standard_b64", "b32", "b16", "b85", "a85"]
_BUFFERS = ["StringIO", "BytesIO"]
_LOG = ["debug", "info", "warning", "warn", "error", "exception", "critical", "log"]

ROWS: tuple[Row, ...] = (
    # files
    *(sink(name, "path", "0 path file filename name pathname") for name in _PATH_FUNCTIONS),
    *(sink(f"fileinput.{name}", "path", "0 files") for name in ("input", "FileInput")),
    *(stops(f"fileinput.{name}") for name in ("input", "FileInput")),
    *(stops(name) for name in _PATH_FUNCTIONS if not name.startswith(("zipfile", "tarfile"))),
    *(sink(name, "path", "0 1 src dst") for name in _TWO_PATHS),
    special("os.path.join", "join_path"),
    special("posixpath.join", "join_path"),
    special("os.path.realpath", "resolve_path"),
    special("os.path.abspath", "resolve_path"),
    special("os.path.normpath", "resolve_path"),
    special("posixpath.normpath", "resolve_path"),
    special("os.path.commonpath", "common_path"),
    *(special(f"{module}.relpath", "relative_path") for module in ("os.path", "posixpath")),
    *(constant(f"{module}.sep", "/") for module in ("os", "os.path", "posixpath")),
    *(constant(f"{module}.pardir", "..") for module in ("os", "os.path", "posixpath")),
    *(constant(f"{module}.curdir", ".") for module in ("os", "os.path", "posixpath")),
    constant("os.linesep", "\n"),
    special("os.path.commonprefix", "common_path"),
    clean("os.path.basename", "path"),
    clean("ntpath.basename", "path"),
    clean("posixpath.basename", "path"),
    *(
        stops(f"os.path.{name}")
        for name in [
            "exists",
            "isfile",
            "isdir",
            "islink",
            "getsize",
            "getmtime",
            "getctime",
            "lexists",
            "isabs",
            "samefile",
            "ismount",
        ]
    ),
    passes("os.path.dirname"),
    passes("os.path.expanduser"),
    passes("os.path.splitext"),
    special("os.path.split", "split_path"),
    passes("os.fspath"),
    *(
        gives(f"pathlib.{name}", "@pathlib.Path")
        for name in ("Path", "PurePath", "PosixPath", "PurePosixPath")
    ),
    special("@pathlib.Path.joinpath", "join_path"),
    special("@pathlib.Path.resolve", "resolve_path"),
    special("@pathlib.Path.absolute", "identity"),
    special("@pathlib.Path.is_relative_to", "within"),
    special("@pathlib.Path.relative_to", "relative_to"),
    clean("@pathlib.Path.name", "path"),
    clean("@pathlib.Path.stem", "path"),
    clean("@pathlib.Path.suffix", "path"),
    *(
        gives(f"@pathlib.Path.{name}", "@pathlib.Path")
        for name in ("parent", "with_suffix", "with_name", "expanduser")
    ),
    *(sink(f"@pathlib.Path.{name}", "path", "self") for name in _READ),
    *(stops(f"@pathlib.Path.{name}") for name in (*_READ, "exists", "is_file", "is_dir", "stat")),
    gives("tempfile.mkdtemp", "@text"),
    # archives
    gives("zipfile.ZipFile", "@zipfile.ZipFile"),
    gives("tarfile.open", "@tarfile.TarFile"),
    gives("tarfile.TarFile", "@tarfile.TarFile"),
    sink("@tarfile.TarFile.extractall", "archive", "self", when="filter!='data'", what="extractall()"),
    sink("@tarfile.TarFile.extract", "archive", "self", when="filter!='data'", what="extract()"),
    sink("shutil.unpack_archive", "archive", "0 filename", weak=1),
    # addresses of machines: looked up, and not of the own network
    *(
        gives(f"ipaddress.{name}", "@ipaddress.Address")
        for name in ("ip_address", "IPv4Address", "IPv6Address")
    ),
    *(
        guard(f"@ipaddress.Address.{name}", "ssrf", "self", holds=name == "is_global", whole=True)
        for name in ("is_private", "is_global", "is_loopback")
    ),
    # numbers and names
    *(
        clean(name, "all")
        for name in ("uuid.UUID", "decimal.Decimal", "fractions.Fraction", "datetime.date.fromisoformat")
    ),
    *(
        stops(f"datetime.{name}")
        for name in ("datetime.strptime", "datetime.fromisoformat", "datetime.fromtimestamp")
    ),
    clean(".isoformat", "all"),  # of a date, a time or both
    clean(".tostring", "xss"),  # of a tree of elements, whose texts are escaped
    stops("math.*"),
    stops("time.*"),
    *(stops(f"uuid.{name}") for name in ("uuid4", "uuid1")),
    clean("uuid.uuid5", "all"),
    stops("secrets.*"),
    stops("itsdangerous.*"),
    stops("stripe.Webhook.construct_event"),  # of a body that the other side signed
    clean(".unsign", "all"),  # it raises unless the text was signed here
    clean(".unsign_object", "all"),
    gives("hmac.new", "@hmac.HMAC"),
    *(gives(f"@hmac.HMAC.{name}", "@hmac.Digest") for name in ("hexdigest", "digest")),
    gives("hmac.digest", "@hmac.Digest"),
    special("hmac.compare_digest", "same_digest"),
    special("secrets.compare_digest", "same_digest"),
    # escaping
    clean("html.escape", "xss"),
    clean("cgi.escape", "xss"),
    clean("xml.sax.saxutils.escape", "xss", "xpath"),
    clean("xml.sax.saxutils.quoteattr", "xss"),
    clean("shlex.quote", "command"),
    clean("pipes.quote", "command"),
    clean("re.escape", "regex"),
    *(
        same(f"six.moves.urllib.{name}", f"urllib.{name}")
        for name in (
            *(
                f"parse.{one}"
                for one in ("urlparse", "urlsplit", "urljoin", "urlencode", "quote", "quote_plus")
            ),
            *(f"parse.{one}" for one in ("unquote", "unquote_plus", "parse_qs", "parse_qsl", "urlunparse")),
            *(f"request.{one}" for one in ("urlopen", "Request", "urlretrieve")),
        )
    ),
    *(same(f"simplejson.{name}", f"json.{name}") for name in ("load", "loads", "dump", "dumps")),
    *(clean(f"{name}.encode", "all") for name in ("jwt", "jose.jwt", "joserfc.jwt", "authlib.jose.jwt")),
    clean("pygments.highlight", "xss"),
    special("urllib.parse.urljoin", "joined_address"),
    clean("pathvalidate.sanitize_filename", "path log header"),
    clean("urllib.parse.quote", "xss", "redirect", "header", "log", "ssrf", "command", "ldap"),
    clean("urllib.parse.quote_plus", "xss", "redirect", "header", "log", "ssrf", "path", "command", "ldap"),
    clean(".urlencode", "xss", "redirect", "header", "log", "ssrf", "path", "command", "ldap"),
    clean("urllib.parse.urlencode", "xss", "redirect", "header", "log", "ssrf", "path", "command", "ldap"),
    *(special(f"base64.{name}encode", "encode") for name in _BASES),
    *(special(f"base64.{name}decode", "decode") for name in _BASES),
    *(special(f"binascii.{name}", "encode") for name in ("hexlify", "b2a_hex", "b2a_base64")),
    *(special(f"binascii.{name}", "decode") for name in ("unhexlify", "a2b_hex", "a2b_base64")),
    *(
        special(f"urllib.parse.{name}", "decode")
        for name in ("unquote", "unquote_plus", "unquote_to_bytes", "parse_qs", "parse_qsl")
    ),
    *(
        special(name, "decode")
        for name in ("html.unescape", "codecs.decode", "zlib.decompress", "gzip.decompress")
    ),
    gives("urllib.parse.urlparse", "@urllib.parse.ParseResult"),
    gives("urllib.parse.urlsplit", "@urllib.parse.ParseResult"),
    # since 3.9.5 both leave out line ends, wherever they stand
    *(clean(f"urllib.parse.{name}", "log", "header") for name in ("urlparse", "urlsplit")),
    # cookies
    gives("http.cookies.SimpleCookie", "@http.cookies.SimpleCookie"),
    special("@http.cookies.SimpleCookie.output", "morsel"),
    special(".OutputString", "morsel"),
    # patterns
    special("re.compile", "compile_pattern"),
    *(special(f"re.{name}", "match_pattern") for name in ("match", "fullmatch", "search")),
    *(special(f"@re.Pattern.{name}", "match_pattern") for name in ("match", "fullmatch", "search")),
    special("re.sub", "substitute_pattern"),
    special("@re.Pattern.sub", "substitute_pattern"),
    *(special(f"@re.Match.{name}", "match_group") for name in ("group", "groups")),
    *(
        sink(f"re.{name}", "regex", "0 pattern")
        for name in ("compile", "match", "fullmatch", "search", "sub", "split", "findall")
    ),
    # texts, containers, functions
    *(special(f"@io.{name}.{write}", "write_into") for name in _BUFFERS for write in ("write", "writelines")),
    *(passes(f"io.{name}") for name in _BUFFERS),
    *(gives(f"io.{name}", f"@io.{name}") for name in _BUFFERS),
    *(passes(f"@io.{name}.{read}") for name in _BUFFERS for read in ("getvalue", "read", "readline")),
    *(stops(f"@io.{name}.{number}") for name in _BUFFERS for number in ("tell", "seek", "truncate")),
    special("string.Template", "template_text"),
    special("@string.Template.substitute", "substitute"),
    special("@string.Template.safe_substitute", "substitute"),
    special("collections.OrderedDict", "mapping"),
    special("collections.defaultdict", "mapping"),
    special("collections.deque", "sequence"),
    special("functools.partial", "partial"),
    special("itertools.chain", "chain"),
    special("itertools.chain.from_iterable", "chain"),
    special("functools.reduce", "reduce"),
    special("threading.Thread", "started"),
    special("threading.Timer", "started"),
    special("multiprocessing.Process", "started"),
    *(
        special(name, "handed_over")
        for name in (
            "asyncio.to_thread",
            "anyio.to_thread.run_sync",
            "starlette.concurrency.run_in_threadpool",
            "fastapi.concurrency.run_in_threadpool",
        )
    ),
    *(
        gives(f"concurrent.futures.{name}", "@concurrent.futures.Executor")
        for name in ("ThreadPoolExecutor", "ProcessPoolExecutor")
    ),
    special("@concurrent.futures.Executor.submit", "handed_over"),
    special("@concurrent.futures.Executor.map", "map"),
    special(".run_in_executor", "in_executor"),
    *(special(f"queue.{name}", "queue") for name in ("Queue", "SimpleQueue", "LifoQueue")),
    *(special(f"asyncio.{name}", "queue") for name in ("Queue", "LifoQueue")),
    special("collections.namedtuple", "named_tuple"),
    special("@namedtuple", "new_named_tuple"),
    special("dataclasses.field", "dataclass_field"),
    *(special(name, "replaced") for name in ("dataclasses.replace", "@typing.NamedTuple._replace")),
    *(
        special(name, "as_dictionary")
        for name in ("dataclasses.asdict", "@typing.NamedTuple._asdict", "builtins.vars")
    ),
    special("copy.copy", "identity"),
    special("types.MappingProxyType", "identity"),
    special("copy.deepcopy", "identity"),
    special("typing.cast", "identity"),
    special("importlib.import_module", "import_module"),
    sink("importlib.import_module", "code", "0 name", weak=1),
    *(
        gives(f"configparser.{name}", "@configparser.ConfigParser")
        for name in ("ConfigParser", "RawConfigParser", "SafeConfigParser")
    ),
    special("@configparser.ConfigParser.read_string", "config_read"),
    special("@configparser.ConfigParser.set", "config_set"),
    special("@configparser.ConfigParser.get", "config_get"),
    stops("@configparser.ConfigParser.getint"),
    stops("@configparser.ConfigParser.getboolean"),
    # hashes
    *(
        special(f"hashlib.{name}", "hash")
        for name in [
            "md5",
            "sha1",
            "new",
            "sha224",
            "sha256",
            "sha384",
            "sha512",
            "blake2b",
            "blake2s",
            "sha3_256",
            "sha3_512",
            "md4",
        ]
    ),
    clean("@hashlib.HASH.hexdigest", "all"),
    clean("@hashlib.HASH.digest", "all"),
    *(
        special(f"{package}.Hash.{name}.new", "hash")
        for package in ("Crypto", "Cryptodome")
        for name in ("MD5", "MD4", "MD2", "SHA", "SHA1")
    ),
    *(special(f"cryptography.hazmat.primitives.hashes.{name}", "hash") for name in ("MD5", "SHA1")),
    # who reads the console of a server is not known
    *(
        sink(name, "secret_log", "*", weak=1)
        for name in ("builtins.print", "sys.stdout.write", "sys.stderr.write")
    ),
    # what a program tells of its inside
    *(
        source(f"traceback.{name}", "a stack trace", origin="trace")
        for name in ("format_exc", "format_exception", "format_tb", "format_stack", "format_list")
    ),
    # predictable numbers
    *(source(f"random.{name}", "predictable random numbers", origin="random") for name in _RANDOM),
    gives("random.Random", "@random.Random"),
    *(source(f"@random.Random.{name}", "predictable random numbers", origin="random") for name in _RANDOM),
    gives("random.SystemRandom", "@random.SystemRandom"),
    same("secrets.SystemRandom", "random.SystemRandom"),
    stops("@random.SystemRandom.*"),
    *(
        source(f"numpy.random.{name}", "predictable random numbers", origin="random")
        for name in ("rand", "randint", "random", "choice")
    ),
    # by which a variable is put back, whatever its value is
    gives("contextvars.ContextVar", "@contextvars.ContextVar"),
    stops("@contextvars.ContextVar.set"),
    gives("numpy.random.default_rng", "@numpy.random.Generator"),
    *(
        source(f"@numpy.random.Generator.{name}", "predictable random numbers", origin="random")
        for name in ("integers", "random", "choice", "bytes")
    ),
    # who starts the program
    source("sys.argv", "the command line", origin="local"),
    special("os.environ.get", "setting"),
    special("os.getenv", "setting"),
    stops("os.environ.*"),
    gives("argparse.ArgumentParser", "@argparse.ArgumentParser"),
    source("@argparse.ArgumentParser.parse_args", "the command line", origin="local"),
    # logs
    gives("logging.getLogger", "@logging.Logger"),
    same("loguru.logger", "@logging.Logger"),
    sink("syslog.syslog", "log", "0 1"),
    *(special(f"logging.{name}", "log_call") for name in _LOG),
    *(special(f"@logging.Logger.{name}", "log_call") for name in _LOG),
    # ends
    exits("sys.exit"),
    exits("os._exit"),
    exits("os.abort"),
    exits("builtins.exit"),
    exits("builtins.quit"),
)
