"""What is wrong by itself: outdated TLS, unchecked certificates, short keys, broken ciphers, switches turned off.

Rows here need no input from outside. Constants are followed, so a length from another module counts.
"""

from __future__ import annotations

from agents.inspector.taint.tables.rows import Row, gives, special, wrong

_OLD_TLS = ",".join(
    [
        *(f"ssl.PROTOCOL_{name}" for name in ("SSLv2", "SSLv3", "TLSv1", "TLSv1_1")),
        *(f"OpenSSL.SSL.{name}_METHOD" for name in ("SSLv2", "SSLv3", "TLSv1", "TLSv1_1")),
    ]
)
_ASYMMETRIC = "cryptography.hazmat.primitives.asymmetric"
_CIPHERS = "cryptography.hazmat.primitives.ciphers"
_BROKEN_CIPHERS = ("ARC4", "Blowfish", "IDEA", "CAST5", "SEED", "TripleDES", "RC2")
_SHORT_CURVES = ",".join(
    f"{_ASYMMETRIC}.ec.{name}"
    for name in ("SECP192R1", "SECP224R1", "SECT163R2", "SECT163K1", "SECT233K1", "SECT233R1")
)
_PYCRYPTO = ("Crypto", "Cryptodome")
_TRUSTING = ",".join(
    f"paramiko.{module}{name}" for module in ("", "client.") for name in ("AutoAddPolicy", "WarningPolicy")
)
_REQUESTS = [
    f"{owner}.{verb}"
    for owner in ("requests", "@requests.Session", "httpx")
    for verb in ("get", "post", "put", "patch", "delete", "head", "options", "request")
] + ["httpx.Client", "httpx.AsyncClient", "httpx.stream"]
_JWT = ["jwt.decode", "jwt.api_jwt.decode", "jose.jwt.decode"]

ROWS: tuple[Row, ...] = (
    # TLS
    wrong("ssl.SSLContext", "tls", "the version is broken", when=f"0:protocol in {_OLD_TLS}"),
    wrong("ssl.wrap_socket", "tls", "the version is broken", when=f"5:ssl_version in {_OLD_TLS}"),
    wrong(
        "ssl.wrap_socket",
        "tls",
        "any version is accepted and no host is checked",
        when="5:ssl_version absent",
    ),
    wrong("OpenSSL.SSL.Context", "tls", "the version is broken", when=f"0:method in {_OLD_TLS}"),
    wrong("ssl.get_server_certificate", "tls", "the version is broken", when=f"1:ssl_version in {_OLD_TLS}"),
    special("ssl.SSLContext", "tls_context"),
    special("ssl.create_default_context", "tls_context"),
    special("@ssl.SSLContext.wrap_socket", "tls_wrapped"),
    special("OpenSSL.SSL.Context", "tls_context"),
    special("@OpenSSL.SSL.Context.set_options", "tls_options"),
    special("OpenSSL.SSL.Connection", "tls_wrapped"),
    # certificates and host keys
    wrong(
        "@ssl.SSLContext.verify_mode",
        "certificate",
        "certificates are not checked",
        when="0:value in ssl.CERT_NONE",
    ),
    wrong(
        "@ssl.SSLContext.check_hostname",
        "certificate",
        "any host's certificate will do",
        when="0:value=False",
        weak=1,
    ),
    wrong("@requests.Session.verify", "certificate", "certificates are not checked", when="0:value=False"),
    wrong("ssl._create_unverified_context", "certificate", "nobody's certificate is refused"),
    wrong("ssl._create_stdlib_context", "certificate", "nobody's certificate is refused"),
    wrong("aiohttp.TCPConnector", "certificate", "certificates are not checked", when="ssl=False"),
    wrong("aiohttp.TCPConnector", "certificate", "certificates are not checked", when="verify_ssl=False"),
    wrong("urllib3.PoolManager", "certificate", "certificates are not checked", when="cert_reqs='CERT_NONE'"),
    wrong(
        "urllib3.PoolManager",
        "certificate",
        "certificates are not checked",
        when="cert_reqs in ssl.CERT_NONE",
    ),
    gives("paramiko.SSHClient", "@paramiko.SSHClient"),
    gives("paramiko.client.SSHClient", "@paramiko.SSHClient"),
    wrong(
        "@paramiko.SSHClient.set_missing_host_key_policy",
        "certificate",
        "any host is believed to be the one that was meant",
        when=f"0:policy in {_TRUSTING}",
    ),
    *(wrong(name, "certificate", "certificates are not checked", when="verify=False") for name in _REQUESTS),
    # keys
    wrong(
        f"{_ASYMMETRIC}.rsa.generate_private_key",
        "key_size",
        "shorter than 2048 bits",
        when="1:key_size<2048",
    ),
    wrong(
        f"{_ASYMMETRIC}.dsa.generate_private_key",
        "key_size",
        "shorter than 2048 bits",
        when="0:key_size<2048",
    ),
    wrong(
        f"{_ASYMMETRIC}.dh.generate_parameters", "key_size", "shorter than 2048 bits", when="1:key_size<2048"
    ),
    wrong(
        f"{_ASYMMETRIC}.ec.generate_private_key",
        "key_size",
        "a curve below 256 bits",
        when=f"0:curve in {_SHORT_CURVES}",
    ),
    *(
        wrong(
            f"{package}.PublicKey.{name}.generate", "key_size", "shorter than 2048 bits", when="0:bits<2048"
        )
        for package in _PYCRYPTO
        for name in ("RSA", "DSA", "ElGamal")
    ),
    *(
        wrong(name, "key_size", "shorter than 2048 bits", when=when)
        for name, when in (
            ("rsa.newkeys", "0:nbits<2048"),
            ("paramiko.RSAKey.generate", "0:bits<2048"),
            ("paramiko.DSSKey.generate", "0:bits<2048"),
            ("OpenSSL.crypto.PKey.generate_key", "1:bits<2048"),
        )
    ),
    # a salt, which can be found out from a few of the hashes, is the key that signs sessions
    special("hashids.Hashids", "hashids"),
    # ciphers and modes
    *(special(f"{_CIPHERS}.{name}Cipher", "unauthenticated") for name in ("", "base.")),
    *(special(f"{package}.Cipher.AES.new", "unauthenticated") for package in _PYCRYPTO),
    *(wrong(f"{_CIPHERS}.algorithms.{name}", "cipher", f"{name} is broken") for name in _BROKEN_CIPHERS),
    *(
        wrong(f"cryptography.hazmat.decrepit.ciphers.algorithms.{name}", "cipher", f"{name} is broken")
        for name in _BROKEN_CIPHERS
    ),
    wrong(f"{_CIPHERS}.modes.ECB", "cipher", "equal blocks stay equal"),
    *(
        wrong(f"{package}.Cipher.{name}.new", "cipher", f"{name} is broken")
        for package in _PYCRYPTO
        for name in ("ARC4", "ARC2", "DES", "DES3", "Blowfish", "CAST", "XOR")
    ),
    *(
        wrong(
            f"{package}.Cipher.AES.new",
            "cipher",
            "equal blocks stay equal",
            when=f"1:mode in {package}.Cipher.AES.MODE_ECB",
        )
        for package in _PYCRYPTO
    ),
    *(
        wrong(f"{package}.Cipher.AES.new", "cipher", "equal blocks stay equal", when="1:mode=1")
        for package in _PYCRYPTO
    ),
    *(wrong(f"pyDes.{name}", "cipher", "DES is broken") for name in ("des", "triple_des")),
    # hashes of other packages
    *(
        wrong(f"{package}.Hash.{name}.new", "hash", f"{name} is broken")
        for package in _PYCRYPTO
        for name in ("RIPEMD", "RIPEMD160")
    ),
    # tokens
    *(special(name, "token") for name in _JWT),
    *(
        wrong(name, "signature", "anybody can make such a token", when="2:algorithm='none'")
        for name in ("jwt.encode", "jwt.api_jwt.encode", "jose.jwt.encode")
    ),
    # switches
    *(
        wrong(f"{config}.__setitem__", "debug", words, when=f"0:key={key!r}; 1:value={value!r}", review=True)
        for config in ("@flask.Flask.config", "flask.current_app.config")
        for key, value, words in (
            ("DEBUG", True, "whoever reaches it may run code, once this is in production"),
            ("ENV", "development", "it is meant for development"),
            ("TESTING", True, "errors are shown, and forms are not checked"),
        )
    ),
    wrong(
        "@flask.Flask.config.update",
        "debug",
        "whoever reaches it may run code, once this is in production",
        when="DEBUG=True",
        review=True,
    ),
    wrong(
        "@flask.Flask.debug",
        "debug",
        "whoever reaches it may run code, once this is in production",
        when="0:value=True",
        review=True,
    ),
    *(
        wrong(
            f"django.template.{name}",
            "xss",
            "pages are not escaped",
            when=f"{at}autoescape=False",
            review=True,
        )
        for name, at in (("Context", "1:"), ("RequestContext", ""), ("Engine", ""), ("engine.Engine", ""))
    ),
    wrong("@flask.Flask.run", "debug", "whoever reaches it may run code", when="2:debug=True"),
    *(
        wrong(f"{config}.__setitem__", kind, words, when=f"0:key={key!r}; 1:value=False")
        for config in ("@flask.Flask.config", "flask.current_app.config")
        for key, kind, words in (
            ("WTF_CSRF_ENABLED", "forgery", "forms of other pages are accepted"),
            ("WTF_CSRF_CHECK_DEFAULT", "forgery", "forms of other pages are accepted"),
            ("SESSION_COOKIE_SECURE", "cookie_flags", "the session's cookie goes over plain HTTP"),
            ("SESSION_COOKIE_HTTPONLY", "cookie_flags", "scripts may read the session's cookie"),
            ("REMEMBER_COOKIE_SECURE", "cookie_flags", "the login's cookie goes over plain HTTP"),
            ("REMEMBER_COOKIE_HTTPONLY", "cookie_flags", "scripts may read the login's cookie"),
        )
    ),
)
